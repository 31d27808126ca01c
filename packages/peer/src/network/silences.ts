import type { PeerId } from '@peergrad/core'

/** Milliseconds without a beat after which a connection is taken for dead. */
const SILENT = 10_000
/** A look that is so late, in milliseconds, says that this thread itself stood still. */
const STOOD_STILL = 1000

/**
 * Connections on which nothing comes any more: the other end froze, or a cable was cut, and TCP alone would wait for
 * minutes. Only beats count, and only after the first one on a connection.
 */
export class Silences {
  readonly #heard = new Map<PeerId, number>()
  readonly #interval: number
  #looked: number

  /** `interval` is of the looks, `now` of the first one, in milliseconds. */
  constructor(interval: number, now: number) {
    this.#interval = interval
    this.#looked = now
  }

  heard(peer: PeerId, now: number): void {
    this.#heard.set(peer, now)
  }

  forget(peer: PeerId): void {
    this.#heard.delete(peer)
  }

  /** Milliseconds since the peer was heard; undefined before the first time. */
  quiet(peer: PeerId, now: number): number | undefined {
    const heard = this.#heard.get(peer)
    return heard === undefined ? undefined : now - heard
  }

  /** Whose silence is too long. Each is told once. */
  look(now: number): PeerId[] {
    const late = now - this.#looked - this.#interval
    this.#looked = now
    // what came meanwhile is not read yet
    if (late > STOOD_STILL) for (const [peer, heard] of this.#heard) this.#heard.set(peer, heard + late)
    const silent = [...this.#heard].filter(([, heard]) => now - heard >= SILENT).map(([peer]) => peer)
    for (const peer of silent) this.#heard.delete(peer)
    return silent
  }
}
