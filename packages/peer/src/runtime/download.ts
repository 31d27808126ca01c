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

/**
 * Vectors from several donors at once: each brings one part after the other, at a bounded rate, and a fast one brings
 * more. A part that a donor does not bring is asked of the others; when none is left the error is `unreachable`.
 * What comes is not checked here: a wrong digest says that one of them lied, and not which.
 */
export async function download(init: DownloadInit): Promise<Lease[]> {
  const { store, vectors, donors, clock, signal } = init
  const leases = vectors.map(({ length }) => store.lease(length))
  const parts = vectors.flatMap(({ length }, vector) =>
    Array.from({ length: Math.ceil(length / PART) }, (_, index) => ({ vector, from: index * PART }))
  )
  let under = 0
  let idle = deferred<void>()
  const failures: string[] = []
  const start = clock.now()

  async function bring(donor: PeerId): Promise<void> {
    for (;;) {
      const part = parts.shift()
      if (part === undefined) {
        if (under === 0) return
        // a part that another donor has in hand may come back
        await idle.promise
        continue
      }
      under += 1
      let took: number
      try {
        took = await fetchPart(init, donor, leases[part.vector], part)
      } catch (thrown) {
        parts.unshift(part)
        failures.push(`${donor}: ${PeergradError.from(thrown).message}`)
        return
      } finally {
        under -= 1
        idle.resolve()
        idle = deferred<void>()
      }
      const share = clock.now() - start > PATIENCE ? 1 : SHARE
      if (parts.length > 0) await pause(clock, took * (1 / share - 1), signal)
    }
  }

  try {
    // nobody may still write when the leases go back
    await Promise.allSettled(donors.map(bring))
    checkAborted(signal)
    if (parts.length === 0) return leases
    throw new PeergradError('unreachable', `no donor is left: ${failures.join('; ')}`)
  } catch (error) {
    for (const lease of leases) lease.release()
    throw error
  }

  async function fetchPart(
    { mesh, deadline }: DownloadInit,
    donor: PeerId,
    { vector: whole }: Lease,
    { vector, from }: { vector: number; from: number }
  ): Promise<number> {
    const into = whole.subarray(from, from + PART)
    const bytes = whole.byteLength
    const { digest } = vectors[vector]
    const began = clock.now()
    await mesh.fetch({ digest, bytes, offset: from * 4, from: [donor], into, deadline, signal })
    return clock.now() - began
  }
}

async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0) return
  const over = deferred<void>()
  const cancel = clock.after(milliseconds, over.resolve)
  try {
    await orAborted(over.promise, signal)
  } finally {
    cancel()
  }
}
