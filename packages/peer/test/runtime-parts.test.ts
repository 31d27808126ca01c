import { PeergradError, type ErrorCode } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { isOwnFault } from '../src/runtime/own-fault.js'
import { phasePlaces } from '../src/runtime/phase-places.js'

describe('an own fault', () => {
  it.each<ErrorCode>(['full', 'crashed', 'internal', 'refused', 'corrupt', 'unsupported'])('is what is %s', (code) => {
    expect(isOwnFault(new PeergradError(code, 'store: no'))).toBe(true)
  })

  it.each<ErrorCode>(['refused', 'corrupt', 'unreachable'])('is not what is %s because of others', (code) => {
    expect(isOwnFault(new PeergradError(code, 'no', { peers: ['a'] }))).toBe(false)
  })
})

describe('where a phase runs', () => {
  const server = { denseInStore: true, rules: ['mean', 'median'], durable: true } as const

  it('is the database for rules that it has, and the peer for others', () => {
    expect(phasePlaces(server, {}, { name: 'mean' }).aggregate).toBe('database')
    expect(phasePlaces(server, {}, undefined).aggregate).toBe('peer')
  })

  it('is the peer where the strategy combines by itself, unless the database lies in the peer', () => {
    expect(phasePlaces(server, { combines: true }, { name: 'mean' }).aggregate).toBe('peer')
    expect(phasePlaces({ ...server, rules: 'any' }, { combines: true }, { name: 'mean' }).aggregate).toBe('database')
  })
})
