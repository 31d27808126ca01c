import { PeergradError, virtualClock } from '@peergrad/core'
import { quadraticEngine, wireBytes } from '@peergrad/peer'
import { formulaOf } from '../compare/traffic.js'
import { spread, type Measurement } from './measurement.js'
import { startPeers, type PeersInit } from './peers.js'

export interface RunInit extends Omit<PeersInit, 'clock' | 'emit'> {
  /** each second while there is progress: rounds that every peer that is left has ended, virtual seconds, and events so far */
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  readonly round: number
  readonly seconds: number
  readonly events: number
}

/** Milliseconds between two reports of progress. */
const REPORT = 1000

/**
 * Runs the peers from the first round to the end of the last one, from one instant to the next. The same manifest,
 * links and sizes give the same measurement to the bit. Errors: what ended a peer; `internal` when nothing more happens.
 */
export async function measureRun(init: RunInit): Promise<Measurement> {
  const { manifest, parts, floats, onProgress = () => {} } = init
  const { peers: count, rounds } = manifest
  const clock = virtualClock()
  const ended = new Array<number>(rounds).fill(0)
  const hashes = new Set<string>()
  /** peers whose last round is over: the run's, or the one after which the strategy could do without them */
  const over = new Set<number>()
  let failure: unknown
  const peers = await startPeers({
    ...init,
    clock,
    emit: (rank, event) => {
      if (event.type === 'left') over.add(rank)
      if (event.type !== 'round') return
      ended[event.round] = (ended[event.round] ?? 0) + 1
      if (event.round < rounds - 1) return
      over.add(rank)
      hashes.add(event.parametersHash)
    }
  })
  for (const { running } of peers) running.catch((thrown: unknown) => (failure ??= thrown))
  let events = 0
  for (let reported = performance.now(); ;) {
    await quiet()
    if (failure !== undefined) throw failure
    if (over.size === count) break
    if (clock.next === undefined) throw stuck(ended, clock.now())
    events += clock.turn()
    if (performance.now() < reported + REPORT) continue
    reported = performance.now()
    onProgress({ round: ended.filter((each) => each >= count - over.size).length, seconds: clock.now() / 1000, events })
  }
  const links = peers.map(({ mesh }) => mesh.links())
  for (const peer of peers) peer.end()
  await quiet()
  const total = (of: (link: (typeof links)[number][number]) => number) =>
    links.map((each) => each.reduce((sum, link) => sum + of(link), 0) / rounds)
  const bytes = total((link) => link.tensorBytesSent + link.tensorBytesReceived)
  const vector = wireBytes(parts.codec?.codec, quadraticEngine({ clock, length: floats }).layout)
  const formula = peers.map((_, rank) => {
    const { sent, received } = formulaOf(parts.strategy, { peers: count, rank, bytes: vector }, rounds)
    return (sent + received) / rounds
  })
  const [parametersHash = ''] = hashes
  if (hashes.size !== 1) throw new PeergradError('internal', `the peers hold ${hashes.size} different models`)
  return {
    strategy: manifest.strategy,
    peers: count,
    rounds,
    seconds: clock.now() / 1000,
    bytes: spread(bytes),
    formula: spread(formula),
    control: spread(total((link) => link.controlBytesSent + link.controlBytesReceived)),
    deviation: Math.max(...bytes.map((each, rank) => deviation(each, formula[rank] ?? 0))),
    events,
    parametersHash
  }
}

/** All promises that can go on have done so. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function deviation(counted: number, expected: number): number {
  return counted === expected ? 0 : Math.abs(counted - expected) / expected
}

function stuck(ended: readonly number[], now: number): PeergradError {
  const message = `the simulation stands still after ${now} virtual ms: peers that ended each round: ${ended.join(', ')}`
  return new PeergradError('internal', message)
}
