import type { PeerOutcome, RunResult } from '../outcome.js'
import { bytes, seconds } from './units.js'

/** Loss at the end, as a share of that at the start, below which a run learns, and above which it gets worse. */
const LEARNS = 0.95
const WORSE = 1.05
/** A peer that computes so many times longer than the median keeps the others waiting. */
const SLOW = 1.5

/** Whether a run learns, by its training loss; undefined when it had too few rounds to say. */
export function learning({ trainingLoss }: Pick<RunResult, 'trainingLoss'>): string | undefined {
  if (trainingLoss === null) return undefined
  const { first, last } = trainingLoss
  const verdict =
    last < first * LEARNS
      ? 'it learns'
      : last > first * WORSE
        ? 'it gets worse: try a smaller --lr, or another --aggregator if a peer may be hostile'
        : 'it hardly learns: try more rounds, or another --lr'
  return `training loss ${loss(first)} at the start, ${loss(last)} at the end: ${verdict}`
}

/** Who keeps the others waiting, by the time that each computes in a round; undefined without two peers to compare. */
export function slowest({ peers }: Pick<RunResult, 'peers'>): string | undefined {
  const trained = peers.filter(({ rounds }) => rounds > 0)
  if (trained.length === 1) return waiting(trained)
  const times = trained.map((peer) => ({ rank: peer.rank, time: peer.secondsComputing / peer.rounds }))
  times.sort((a, b) => a.time - b.time)
  const [fastest, last] = [times[0], times.at(-1)]
  if (fastest === undefined || last === undefined) return undefined
  const median = times[Math.floor((times.length - 1) / 2)]?.time ?? 0
  if (last.time <= median * SLOW) return `nobody: each peer computes ${span(fastest.time, last.time)} a round`
  return `rank ${last.rank} computes ${short(last.time)} a round, half of the peers at most ${short(median)}: it sets the pace`
}

/** Of a peer alone it is known how long it waited for others. */
function waiting([peer]: readonly PeerOutcome[]): string | undefined {
  const wait = peer?.secondsByPhase.wait
  const all = peer === undefined ? 0 : total(peer)
  if (wait === undefined || all === 0) return undefined
  return `this peer waited for others in ${Math.round((wait / all) * 100)} % of its time`
}

/** What a run took of time, network and memory; undefined when no peer was in a round. */
export function cost({ peers, seconds: time }: RunResult): string | undefined {
  const rounds = roundsSeen({ peers })
  const all = peers.reduce((sum, peer) => sum + total(peer), 0)
  if (all === 0 || rounds === 0) return undefined
  const sent = peers.reduce((sum, peer) => sum + peer.bytesSent, 0)
  const share = (of: (peer: PeerOutcome) => number) =>
    `${Math.round((peers.reduce((sum, peer) => sum + of(peer), 0) / all) * 100)} %`
  const memory = Math.max(0, ...peers.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0))
  return [
    `${seconds(time)}, ${short(time / rounds)} a round`,
    `${share((peer) => peer.secondsComputing)} computing, ${share((peer) => peer.secondsCommunicating)} communicating, ${share((peer) => peer.secondsAggregating)} aggregating`,
    `${bytes(sent)} sent, ${bytes(Math.round(sent / rounds))} a round`,
    ...(memory > 0 ? [`${bytes(memory)} of memory at most`] : [])
  ].join('; ')
}

/** Rounds that time and bytes of a result are of: who came late, or went on, tells of its own part. */
export function roundsSeen({ peers }: Pick<RunResult, 'peers'>): number {
  return Math.max(0, ...peers.map(({ rounds }) => rounds))
}

function total(peer: PeerOutcome): number {
  return peer.secondsComputing + peer.secondsCommunicating + peer.secondsAggregating
}

function loss(value: number): string {
  return value < 1000 ? value.toFixed(4) : value.toExponential(2)
}

/** Times of a round may be milliseconds. */
function short(time: number): string {
  return time < 1 ? `${Math.round(time * 1000)} ms` : seconds(time)
}

function span(least: number, most: number): string {
  return short(least) === short(most) ? short(most) : `${short(least)} to ${short(most)}`
}
