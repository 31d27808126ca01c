import { type ContributionManifest, type Proposal } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { isValidProposal, type ProposedIn } from '../src/runtime/valid-proposal.js'

const contributions = ['a', 'b', 'c'].map((peer) => ({ peer, round: 7 }) as ContributionManifest)
const ALL: Proposal = { contributions, members: ['a', 'b', 'c'], retired: [], evidence: [], finish: false }
const IN: ProposedIn = {
  round: 7,
  members: new Set(['a', 'b', 'c']),
  fits: () => true,
  last: undefined,
  retires: false,
  convinces: () => true
}

describe('a proposal that lets a member go', () => {
  const letsGo = { ...ALL, members: ['a', 'b'], retired: ['c'] }

  it('is valid where the strategy may do without members', () => {
    expect(isValidProposal(letsGo, { ...IN, retires: true })).toBe(true)
    expect(isValidProposal(letsGo, IN)).toBe(false)
    expect(isValidProposal(ALL, IN)).toBe(true)
  })

  it('is not where the run ends with it, for then it is there to the end', () => {
    expect(isValidProposal({ ...letsGo, finish: true }, { ...IN, retires: true })).toBe(false)
    expect(isValidProposal({ ...ALL, finish: true }, { ...IN, retires: true })).toBe(true)
  })

  it('is not where the member stays', () => {
    expect(isValidProposal({ ...ALL, retired: ['c'] }, { ...IN, retires: true })).toBe(false)
  })
})
