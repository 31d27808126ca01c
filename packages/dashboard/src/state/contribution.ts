import { last } from './series.js'
import { standing } from './standing.js'
import type { PeerState, RunState } from './state.js'
import { bytes, percent, seconds, shown } from '../text.js'

/** What one peer contributed to the run, as pairs of words and text. */
export function contributionOf(state: RunState, peer: PeerState): [term: string, text: string][] {
  const { rounds } = state.counted
  const { packed } = peer
  const sent = state.peers.reduce((sum, each) => sum + each.bytesSent, 0)
  const spent = Object.values(peer.times).reduce((sum, time) => sum + time, 0)
  const of = (part: number, whole: number) => (whole === 0 ? '' : `, ${percent(part / whole)}`)
  const loss = last(peer.rounds)?.loss
  const accuracy = last(peer.evaluations)?.accuracy
  return [
    ['State', standing(peer)],
    ['Contributed to', `${peer.contributed} of ${rounds} rounds${of(peer.contributed, rounds)}`],
    ['Went through', `${peer.rounds.length} rounds itself`],
    [
      'Its contributions',
      packed.bytes === packed.whole
        ? bytes(packed.bytes)
        : `${bytes(packed.bytes)} each time they were fetched, ${bytes(packed.whole)} with nothing left out`
    ],
    ['Sent', `${bytes(peer.bytesSent)}${of(peer.bytesSent, sent)} of what all sent`],
    ['Received', bytes(peer.bytesReceived)],
    [
      'Its time',
      Object.entries(peer.times)
        .map(([phase, time]) => `${shown(phase)} ${seconds(time)}${of(time, spent)}`)
        .join('; ') || '–'
    ],
    ['Loss and accuracy', `${loss?.toFixed(4) ?? '–'}, ${accuracy === undefined ? '–' : percent(accuracy)}`],
    ['Parameters', peer.parametersHash === undefined ? '–' : shown(peer.parametersHash, 64)],
    ['Checkpoint', peer.checkpoint === undefined ? '–' : shown(peer.checkpoint)]
  ]
}
