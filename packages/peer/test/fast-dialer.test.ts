import { expect, it } from 'vitest'
import { FastDialer } from '../dist/network/fast-dialer.js'
import type { FastLane } from '../dist/network/fast-lane.js'

/** A lane on which nobody answers, until the dial is given up. */
function deafLane() {
  const dialled: number[] = []
  const dial: FastLane['dial'] = async (_peer, _host, port, signal) => {
    dialled.push(port)
    signal.throwIfAborted()
    throw new Error('nobody is there')
  }
  return { lane: { dial } as FastLane, dialled }
}

it.each([
  ['is dialled again after a dial that was given up', AbortSignal.abort(), 2],
  ['is not dialled again for now after one that failed', new AbortController().signal, 1]
])('a fast lane %s', async (_what, signal, dials) => {
  const { lane, dialled } = deafLane()
  const dialer = new FastDialer(lane, () => {})
  dialer.learn('peer', 4001)
  for (let i = 0; i < 2; i++) expect(await dialer.open('peer', '127.0.0.1', signal)).toBeUndefined()
  expect(dialled).toHaveLength(dials)
})
