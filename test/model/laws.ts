import { quorum } from '@peergrad/core'
import { nameOf, type Case } from './case.js'
import type { PeerState } from './peer-states.js'
import { acceptKey } from './sayings.js'

export interface Violation {
  readonly law: string
  /** one line a step, from the beginning of the round */
  readonly trace: readonly string[]
}

/** The law of safety that is broken by the step that `self` has just made, if one is. */
export function brokenLaw(peers: readonly PeerState[], self: number): string | undefined {
  const { decision, value, fault } = peers[self]
  if (fault !== undefined) return fault
  if (decision === undefined) return undefined
  if (peers.some((peer) => peer.value !== undefined && peer.value !== value)) return 'two peers decide differently'
  const { ballot, proposal, outcome } = decision
  const accept = acceptKey({ kind: 'accept', ballot, proposal: nameOf(proposal), outcome })
  if (peers.filter(({ said }) => said.accepts.has(accept)).length < quorum(peers.length)) {
    return 'decides on what no majority has accepted'
  }
  return undefined
}

/**
 * Sets of members that may be gone for good while the others must still decide: of n ≥ 2f + 1 any f, where a member that
 * lies counts as one of them. When one exchange has two outcomes, all must be there.
 */
export function bearable({ members, torn, equivocates, disturbances }: Case): number[][] {
  if (torn) return [[]]
  const liar = equivocates || disturbances?.includes('lie')
  let sets: number[][] = [[]]
  for (let peer = 0; peer < members - 1; peer++) sets = sets.flatMap((set) => [set, [...set, peer]])
  const most = Math.floor((members - 1) / 2)
  const withLast = sets.map((set) => [...set, members - 1])
  return [...(liar ? sets.filter((set) => set.length < most) : sets), ...withLast].filter((set) => set.length <= most)
}
