import type { PeerState } from '../state/state.js'
import { countUntil } from '../state/series.js'
import { standing } from '../state/standing.js'

/** One phase of one peer, in milliseconds of the run. */
export interface Bar {
  readonly phase: string
  readonly from: number
  readonly to: number
}

const ENDED = new Set(['lost', 'excluded', 'left', 'finished'])

/**
 * The phases of a peer between two times, in order. Of those that are shorter than `least` and follow one another only
 * the first is given: they would lie on the same spot. The last one goes on until `now` while the peer does.
 */
export function barsOf(peer: PeerState, window: { from: number; to: number; now: number; least: number }): Bar[] {
  const { from, to, now, least } = window
  const { items, length } = peer.phases
  const bars: Bar[] = []
  let covered = -Infinity
  for (let index = Math.max(0, countUntil(peer.phases, from) - 1); index < length; index++) {
    const mark = items[index]
    if (mark === undefined || mark.time > to) break
    if (mark.type === 'round') continue
    const next = index + 1 < length ? items[index + 1]?.time : undefined
    const end = next ?? (ENDED.has(standing(peer)) ? mark.time : now)
    if (end < from || end - covered < least) continue
    covered = Math.max(end, mark.time + least)
    bars.push({
      phase: mark.phase,
      from: Math.max(from, mark.time),
      to: Math.min(to, Math.max(end, mark.time + least))
    })
  }
  return bars
}

/** When rounds ended at a peer, between two times. */
export function roundEnds({ rounds }: PeerState, from: number, to: number): { time: number; round: number }[] {
  const ends: { time: number; round: number }[] = []
  for (let index = countUntil(rounds, from); index < rounds.length; index++) {
    const event = rounds.items[index]
    if (event === undefined || event.time > to) break
    ends.push({ time: event.time, round: event.round })
  }
  return ends
}
