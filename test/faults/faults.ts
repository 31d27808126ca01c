import type { PeerId } from '@peergrad/core'
import type { PeerProcess, SeenEvent } from './process.js'
import type { RealSwarm } from './swarm.js'

/** Milliseconds after a peer is there again in which the others may still hear that it was not. */
const LATE = 1000
/** Milliseconds in which a peer that stood still may take the others for gone. */
const DAZED = 10_000

/** Suspicions of peers that were neither killed, nor stopped, nor on their way back: there must be none. */
export interface FalseSuspicion {
  readonly sentence: string
  /** the one who suspects was stopped itself a moment before */
  readonly dazed: boolean
}

/** Kills and stops peers of a swarm, brings them back, and knows which suspicions are right. */
export class Faults {
  readonly false: FalseSuspicion[] = []
  kills = 0
  stops = 0
  returns = 0
  readonly #swarm: RealSwarm
  /** since when a peer is not there, and until when; by its id, the newest last */
  readonly #absences = new Map<PeerId, { from: number; to: number }[]>()
  readonly #followed = new Set<PeerProcess>()
  readonly #off: (() => void)[] = []

  constructor(swarm: RealSwarm) {
    this.#swarm = swarm
    for (const life of swarm.lives) this.#follow(life)
  }

  /** Returns the time of day. */
  kill(life: PeerProcess): number {
    this.kills++
    const wall = this.#swarm.kill(life)
    this.#leaves(life, wall)
    return wall
  }

  stop(life: PeerProcess): number {
    this.stops++
    const wall = this.#swarm.stop(life)
    this.#leaves(life, wall)
    return wall
  }

  /** Brings a peer back: it goes on, or starts again with its key. Returns the life that it has then. */
  end(life: PeerProcess): PeerProcess {
    this.returns++
    const absence = this.#absences.get(life.peer!)!.at(-1)!
    let next = life
    if (life.stopped) this.#swarm.continue(life)
    else {
      next = this.#swarm.restart(life)
      this.#follow(next)
    }
    const newest = Math.max(...this.#swarm.running.map((each) => each.last('round')?.event.round ?? 0))
    // it has to catch up, or to take the state first, and says so: it is there again when it has ended a round of the others
    const off = next.on('event', ({ event }) => {
      if (event.type !== 'round' || event.round < newest) return
      absence.to = Date.now() + LATE
      off()
    })
    return next
  }

  close(): void {
    for (const off of this.#off) off()
  }

  #leaves(life: PeerProcess, wall: number): void {
    const absences = this.#absences.get(life.peer!) ?? []
    absences.push({ from: wall, to: Infinity })
    this.#absences.set(life.peer!, absences)
  }

  #follow(life: PeerProcess): void {
    if (this.#followed.has(life)) return
    this.#followed.add(life)
    this.#off.push(life.on('event', (seen) => this.#see(life, seen)))
  }

  #see(life: PeerProcess, { wall, event }: SeenEvent): void {
    if (event.type !== 'suspected') return
    const away = (this.#absences.get(event.other) ?? []).some(({ from, to }) => wall >= from && wall <= to)
    if (away) return
    const last = this.#absences.get(event.peer)?.at(-1)
    const dazed = last !== undefined && wall - last.to < DAZED && life.events[0]!.wall < last.from
    const minutes = ((wall - this.#swarm.lives[0]!.events[0]!.wall) / 60_000).toFixed(1)
    this.false.push({
      sentence: `${minutes} min: ${this.#swarm.nameOf(event.peer)} suspects ${this.#swarm.nameOf(event.other)}: ${event.reason}`,
      dazed
    })
  }
}
