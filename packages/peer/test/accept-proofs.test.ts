import { controlMessages, type ControlMessage } from '@peergrad/core'
import { expect, it } from 'vitest'
import { MemoryEnvelopes } from '../src/mesh/memory-envelope.js'
import { AcceptProofs, type Value } from '../src/runtime/accept-proofs.js'

const RUN = '0'.repeat(64)
const VALUE: Value = { ballot: 2, proposal: 'a'.repeat(64), outcome: 'b'.repeat(64) }
const network = new MemoryEnvelopes()
const MEMBERS = new Set(Array.from({ length: 1000 }, (_, peer) => `p${peer}`))

function signed(from: string, changes: Partial<Extract<ControlMessage, { kind: 'accept' }>> = {}): Uint8Array {
  return network.seal(from, controlMessages.encode({ kind: 'accept', run: RUN, round: 5, ...VALUE, ...changes }))
}

const proofs = () => new AcceptProofs({ run: RUN, open: (envelope) => network.open(envelope) }, 5, MEMBERS)

it('what members signed proves who accepted, in the hands of whoever asks', () => {
  const teller = proofs()
  for (const peer of ['p0', 'p1']) teller.note(peer, VALUE, signed(peer))
  expect(proofs().told('p2', VALUE, teller.of(VALUE))).toEqual(['p0', 'p1', 'p2'])
})

it('what is handed on may be handed on again', () => {
  const second = proofs()
  second.told('p2', VALUE, [signed('p0'), signed('p1')])
  expect(second.of(VALUE)).toEqual([signed('p0'), signed('p1')])
})

it('several that tell the same add up', () => {
  const asker = proofs()
  asker.told('p2', VALUE, [signed('p0')])
  expect(asker.told('p3', VALUE, [signed('p0')])).toEqual(['p0', 'p2', 'p3'])
})

it.each<[string, Uint8Array]>([
  ['of another round', signed('p0', { round: 4 })],
  ['of another run', signed('p0', { run: '1'.repeat(64) })],
  ['of another ballot', signed('p0', { ballot: 1 })],
  ['of another proposal', signed('p0', { proposal: 'c'.repeat(64) })],
  ['of another outcome', signed('p0', { outcome: 'c'.repeat(64) })],
  ['that nobody signed', new Uint8Array(300)],
  [
    'that is another message',
    network.seal('p0', controlMessages.encode({ kind: 'prepare', run: RUN, round: 5, ballot: 2 }))
  ],
  ['that is none', network.seal('p0', new Uint8Array(9))]
])('an accept %s proves nothing', (_, envelope) => {
  expect(proofs().told('p2', VALUE, [envelope])).toEqual(['p2'])
})

it('who told two things counts for the last', () => {
  const asker = proofs()
  asker.told('p2', { ...VALUE, ballot: 7 }, [])
  expect(asker.told('p2', VALUE, [])).toEqual(['p2'])
  expect(asker.told('p3', { ...VALUE, ballot: 7 }, [])).toEqual(['p3'])
})

it('an accept of who is no member proves nothing', () => {
  expect(proofs().told('p2', VALUE, [signed('stranger')])).toEqual(['p2'])
})

it('keeps the accepts of a bounded number of members', () => {
  const teller = proofs()
  for (let peer = 0; peer < 1000; peer++) teller.note(`p${peer}`, VALUE, signed(`p${peer}`))
  expect(teller.of(VALUE)).toHaveLength(128)
})
