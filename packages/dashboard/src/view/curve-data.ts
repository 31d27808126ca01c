import type { PeerState, RunState } from '../state/state.js'

type Column = (number | null)[]

/** Rounds from 1, then a column for each peer: what it had at that round, or null. */
export type Columns = [number[], ...Column[]]

/** Points that a curve has at most. */
const POINTS = 400

/** Training loss by round. Of more rounds than a curve has points each point is the last of several. */
export function lossColumns({ peers }: RunState): Columns {
  const rounds = Math.max(0, ...peers.map(({ round }) => round + 1))
  const apart = Math.max(1, Math.ceil(rounds / POINTS))
  const xs = Array.from({ length: Math.ceil(rounds / apart) }, (_, index) => Math.min(rounds, (index + 1) * apart))
  return [xs, ...peers.map((peer) => lossColumn(peer, xs.length, apart))]
}

function lossColumn({ rounds: { items, length } }: PeerState, points: number, apart: number): Column {
  const column: Column = new Array<null>(points).fill(null)
  for (let index = 0; index < length; index++) {
    const event = items[index]
    if (event !== undefined) column[Math.floor(event.round / apart)] = event.loss
  }
  return column
}

/** Test accuracy by round, in percent, at the rounds at which any peer evaluated. */
export function accuracyColumns({ peers }: RunState): Columns {
  const byPeer = peers.map(
    ({ evaluations: { items, length } }) =>
      new Map(items.slice(0, length).map(({ round, accuracy }) => [round + 1, accuracy * 100]))
  )
  const xs = [...new Set(byPeer.flatMap((each) => [...each.keys()]))].sort((a, b) => a - b)
  return [xs, ...byPeer.map((each) => xs.map((round) => each.get(round) ?? null))]
}
