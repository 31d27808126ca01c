import {
  PeergradError,
  type Clock,
  type Digest,
  type GradientStore,
  type Lease,
  type Mesh,
  type PeerId
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'

/** Floats of a part: a multiple of a tensor block, and 4 MiB, so that a slow donor holds up little. */
const PART = 1 << 20
/**
 * Share of the time in which a donor sends to one who catches up: its link stays free for the round. What a part took
 * measures the link, so the rate follows it.
 */
const SHARE = 0.25
/** Shares of a donor's time grow to all of it when a download takes longer than this, in milliseconds. */
const PATIENCE = 10_000
/** Milliseconds after which somebody who has nothing else to do asks for a part that another donor has in hand. */
const LATE = 250

/** A vector that somebody offers. */
export interface Offered {
  readonly digest: Digest
  /** floats */
  readonly length: number
}

export interface DownloadInit {
  readonly mesh: Mesh
  readonly store: GradientStore
  readonly clock: Clock
  /** who offers all of the vectors */
  readonly donors: readonly PeerId[]
  readonly vectors: readonly Offered[]
  /** milliseconds for one part */
  readonly deadline: number
  readonly signal: AbortSignal
}

interface Part {
  readonly vector: number
  /** first float */
  readonly from: number
  /** who brings it just now */
  readonly donors: Set<PeerId>
  since: number
  /** aborts when it is there */
  readonly there: AbortController
}

/**
 * Vectors from several donors at once: each brings one part after the other, at a bounded rate, and a fast one brings
 * more. A part that a donor does not bring, or not soon, is asked of the others; when none is left the error is
 * `unreachable`. What comes is not checked here: a wrong digest says that one of them lied, and not which.
 */
export async function download(init: DownloadInit): Promise<Lease[]> {
  const { store, vectors, signal } = init
  const leases = vectors.map(({ length }) => store.lease(length))
  try {
    await new Download(init, leases).run()
    checkAborted(signal)
    return leases
  } catch (error) {
    for (const lease of leases) lease.release()
    throw error
  }
}

class Download {
  readonly #init: DownloadInit
  readonly #leases: readonly Lease[]
  readonly #missing: Set<Part>
  readonly #failures: string[] = []
  readonly #start: number
  /** wakes donors that have nothing to do */
  #change = deferred<void>()

  constructor(init: DownloadInit, leases: readonly Lease[]) {
    this.#init = init
    this.#leases = leases
    this.#start = init.clock.now()
    const parts = init.vectors.flatMap(({ length }, vector) =>
      Array.from({ length: Math.ceil(length / PART) }, (_, index): Part => {
        return { vector, from: index * PART, donors: new Set(), since: 0, there: new AbortController() }
      })
    )
    this.#missing = new Set(parts)
  }

  async run(): Promise<void> {
    // nobody may still write when the leases go back
    await Promise.allSettled(this.#init.donors.map((donor) => this.#bring(donor)))
    if (this.#missing.size === 0) return
    checkAborted(this.#init.signal)
    throw new PeergradError('unreachable', `no donor is left: ${this.#failures.join('; ')}`)
  }

  /** Until all is there, or until this donor fails. */
  async #bring(donor: PeerId): Promise<void> {
    const { clock, signal } = this.#init
    while (this.#missing.size > 0) {
      const part = this.#next(donor)
      if (part === undefined) {
        await this.#pause(LATE)
        continue
      }
      const began = clock.now()
      part.donors.add(donor)
      part.since = began
      try {
        await this.#fetch(donor, part)
        this.#missing.delete(part)
        part.there.abort()
      } catch (thrown) {
        checkAborted(signal)
        // another one was faster
        if (this.#missing.has(part)) {
          this.#failures.push(`${donor}: ${PeergradError.from(thrown).message}`)
          return
        }
      } finally {
        part.donors.delete(donor)
        this.#change.resolve()
        this.#change = deferred<void>()
      }
      const took = clock.now() - began
      const share = clock.now() - this.#start > PATIENCE ? 1 : SHARE
      await this.#rest(took * (1 / share - 1))
    }
  }

  /** A part that nobody brings, or else the one that another donor has had in hand for longest. */
  #next(donor: PeerId): Part | undefined {
    const late = this.#init.clock.now() - LATE
    let oldest: Part | undefined
    for (const part of this.#missing) {
      if (part.donors.size === 0) return part
      const waits = !part.donors.has(donor) && part.since <= late
      if (waits && (oldest === undefined || part.since < oldest.since)) oldest = part
    }
    return oldest
  }

  async #fetch(donor: PeerId, { vector, from, there }: Part): Promise<void> {
    const { mesh, vectors, deadline, signal } = this.#init
    const whole = this.#leases[vector].vector
    await mesh.fetch({
      digest: vectors[vector].digest,
      bytes: whole.byteLength,
      announcer: donor,
      offset: from * 4,
      from: [donor],
      into: whole.subarray(from, from + PART),
      deadline,
      signal: AbortSignal.any([signal, there.signal])
    })
  }

  /** The donor's link is free for others. Ends early when nothing is missing any more. */
  async #rest(milliseconds: number): Promise<void> {
    const end = this.#init.clock.now() + milliseconds
    for (let left = milliseconds; left > 0 && this.#missing.size > 0; left = end - this.#init.clock.now()) {
      await this.#pause(left)
    }
  }

  /** So long, or until something changes. */
  async #pause(milliseconds: number): Promise<void> {
    const over = deferred<void>()
    const cancel = this.#init.clock.after(milliseconds, over.resolve)
    try {
      await orAborted(Promise.race([over.promise, this.#change.promise]), this.#init.signal)
    } finally {
      cancel()
    }
  }
}
