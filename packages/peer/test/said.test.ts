import { virtualClock, type ControlMessage } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { Said } from '../src/runtime/said.js'

const of = { run: 'a'.repeat(64), round: 3 }
const digest = 'b'.repeat(64)
const manifest: ControlMessage = {
  kind: 'manifest',
  ...of,
  life: 1,
  digest,
  words: 4,
  length: 4,
  samples: 1,
  loss: 0
}
const prepare = (ballot: number): ControlMessage => ({ kind: 'prepare', ...of, ballot })
const failed = (ballot: number): ControlMessage => ({ kind: 'failed', ...of, ballot, peers: [] })

describe('what was said of a round', () => {
  it.each([
    ['the manifest, whatever came after it', [manifest, prepare(1)], [manifest, prepare(1)]],
    ['what was said of a ballot before the manifest', [prepare(1), manifest], [prepare(1), manifest]],
    ['all of the newest ballot', [prepare(1), failed(1)], [prepare(1), failed(1)]],
    ['nothing of an older ballot', [prepare(1), manifest, prepare(2)], [manifest, prepare(2)]]
  ])('is said again: %s', (_what, messages, expected) => {
    const clock = virtualClock()
    let sent: ControlMessage[] = []
    const said = new Said({ clock, send: (message) => sent.push(message) })
    for (const message of messages) said.say(message)
    expect(sent).toEqual(messages)
    sent = []
    said.repeat()
    clock.step()
    expect(sent).toEqual(expected)
    said.stop()
  })
})
