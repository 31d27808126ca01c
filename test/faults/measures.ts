import type { PeerId, RunEvent } from '@peergrad/core'
import type { PeerProcess, SeenEvent } from './process.js'

/** Seconds, from one to the next. */
export interface Recovery {
  /** from the fault to the first suspicion */
  readonly detect: number
  /** until all survivors have a view without the peer */
  readonly agree: number
  /** until all survivors have ended a round in that view */
  readonly recover: number
}

/** What became of a fault, by what the survivors told; it has to be over. `fault` is its time of day. */
export function recoveryOf(victim: PeerId, fault: number, survivors: readonly PeerProcess[]): Recovery {
  const suspicions = survivors.map(
    (life) => firstAfter(life, fault, (event) => event.type === 'suspected' && event.other === victim)?.wall ?? Infinity
  )
  const seen = survivors.map((life) =>
    firstAfter(life, fault, (event) => event.type === 'view' && !event.members.includes(victim))
  )
  const views = seen.map((view) => view?.wall ?? Infinity)
  // a round that was under way ends in the view in which it began
  const rounds = survivors.map((life, index) => {
    const { number } = (seen[index]?.event ?? { number: Infinity }) as { number: number }
    return firstAfter(life, fault, (event) => event.type === 'round' && event.view >= number)?.wall ?? Infinity
  })
  const view = Math.max(...views)
  // a peer may be missed by the exchange before anybody suspects it
  const suspected = Math.min(...suspicions, view)
  return {
    detect: (suspected - fault) / 1000,
    agree: (view - suspected) / 1000,
    recover: (Math.max(...rounds) - view) / 1000
  }
}

/**
 * Seconds from when a peer was ready to train, or went on, to when it was in the view of all. It has to be. `ready` is a
 * time of day.
 */
export function rejoinOf(newcomer: PeerProcess, all: readonly PeerProcess[], ready = newcomer.ready ?? NaN): number {
  const views = all.map(
    (life) =>
      firstAfter(life, ready, (event) => event.type === 'view' && event.members.includes(newcomer.peer ?? ''))?.wall ??
      Infinity
  )
  return (Math.max(...views) - ready) / 1000
}

function firstAfter(life: PeerProcess, wall: number, wanted: (event: RunEvent) => boolean): SeenEvent | undefined {
  return life.events.find((seen) => seen.wall >= wall && wanted(seen.event))
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}
