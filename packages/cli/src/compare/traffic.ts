import type { Strategy } from '@peergrad/core'
import type { PeerOutcome } from '../outcome.js'

/** Bytes of one peer. */
export interface PeerTraffic {
  readonly rank: number
  readonly sent: number
  readonly received: number
  /** of the strategy's formula; null when the size of a vector is not known */
  readonly formula: { readonly sent: number; readonly received: number } | null
}

/** Bytes of a run, counted on the links and by the strategy's formula. */
export interface Traffic {
  /** of all peers, control messages included */
  readonly sent: number
  readonly received: number
  /** of that, vectors; null when a peer died before it could say */
  readonly tensors: { readonly sent: number; readonly received: number } | null
  /** of all peers; null when the size of a vector is not known */
  readonly formula: { readonly sent: number; readonly received: number } | null
  /** (counted − formula) / formula, of sent and received together; null without a formula, or one of no bytes */
  readonly deviation: number | null
  /** the same of vectors alone */
  readonly tensorDeviation: number | null
  /** most that one peer sent and received together */
  readonly busiest: number
  readonly peers: readonly PeerTraffic[]
}

export interface TrafficInit {
  readonly strategy: Strategy
  readonly rounds: number
  /** of one vector as it travels; null when not known */
  readonly bytes: number | null
  readonly peers: readonly PeerOutcome[]
}

/** The one place that asks a strategy for its formula. */
export function trafficOf({ strategy, rounds, bytes, peers }: TrafficInit): Traffic {
  const own = peers.map(({ rank, bytesSent, bytesReceived }) => {
    const formula = bytes === null ? null : formulaOf(strategy, { peers: peers.length, rank, bytes }, rounds)
    return { rank, sent: bytesSent, received: bytesReceived, formula }
  })
  const sent = sum(own, (peer) => peer.sent)
  const received = sum(own, (peer) => peer.received)
  const formula =
    bytes === null
      ? null
      : { sent: sum(own, (peer) => peer.formula?.sent ?? 0), received: sum(own, (peer) => peer.formula?.received ?? 0) }
  const tensors = peers.some(({ tensorBytesSent }) => tensorBytesSent === null)
    ? null
    : {
        sent: sum(peers, (peer) => peer.tensorBytesSent ?? 0),
        received: sum(peers, (peer) => peer.tensorBytesReceived ?? 0)
      }
  return {
    sent,
    received,
    tensors,
    formula,
    deviation: deviation({ sent, received }, formula),
    tensorDeviation: deviation(tensors, formula),
    busiest: Math.max(0, ...own.map((peer) => peer.sent + peer.received)),
    peers: own
  }
}

/** Bytes of one peer in a run without a fault, by the strategy's formula. */
export function formulaOf(strategy: Strategy, init: Parameters<Strategy['traffic']>[0], rounds: number) {
  if (rounds === 0) return { sent: 0, received: 0 }
  const each = strategy.traffic(init)
  const last = strategy.traffic({ ...init, last: true })
  return { sent: (rounds - 1) * each.sent + last.sent, received: (rounds - 1) * each.received + last.received }
}

function deviation(counted: Traffic['formula'], formula: Traffic['formula']): number | null {
  if (counted === null || formula === null || formula.sent + formula.received === 0) return null
  return (counted.sent + counted.received) / (formula.sent + formula.received) - 1
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0)
}
