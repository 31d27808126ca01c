import type { ContributionManifest, CraftInput, Floats, Lease, Line, PeerId, RoundContext } from '@peergrad/core'
import type { Honest } from './honest-vectors.js'
import type { Reach } from './reach.js'

export interface DefenceInit {
  readonly round: RoundContext
  readonly honest: Honest
  /** who gives the candidate */
  readonly hostile: readonly PeerId[]
  /** what the own contribution says of itself, and a vector with its buffers */
  readonly own: { readonly key: string; readonly samples: number; readonly loss: number }
}

/** The run's own rule where it always runs, over the honest contributions and a copy of the candidate for each of us. */
export function defenceOf({ round, honest, hostile, own }: DefenceInit): NonNullable<CraftInput['defence']> {
  const { store, engine } = round
  const { samples, loss } = own
  let candidates = 0
  return async (candidate) => {
    const name = `candidate:${candidates++}`
    const copies = hostile.map((peer) => ({ peer, key: round.key(`${name}:${peer}`) }))
    const to = round.key(`${name}:result`)
    const buffers = await store.get(own.key)
    let lease: Lease
    try {
      lease = store.lease(buffers.vector.length)
      lease.vector.set(buffers.vector)
      lease.vector.set(candidate)
    } finally {
      buffers.release()
    }
    const { length } = lease.vector
    const [first, ...others] = copies
    await store.put(first.key, lease)
    for (const { key } of others) await store.put(key, await store.get(first.key))
    const ours = copies.map(({ peer }): ContributionManifest => {
      return { peer, round: round.round, digest: '', words: length, length, samples, loss }
    })
    const keys = copies.map(({ key }) => key)
    await round.aggregate([...honest.keys, ...keys], [...honest.manifests, ...ours], to)
    const result = await store.get(to)
    const copy = result.vector.slice(0, engine.layout.parameters)
    result.release()
    await store.delete([...keys, to])
    return copy
  }
}

/** The same by coefficients. Between two candidates this thread does what else there is to do. */
export function reachOf(
  reach: Reach,
  rows: readonly Floats[],
  { round, honest, hostile, own }: DefenceInit
): NonNullable<CraftInput['reach']> {
  const samples = [...honest.manifests, ...hostile.map(() => own)].map((each) => each.samples)
  const inputs = { round: round.round, honest: rows, f: hostile.length, samples }
  return (line: Line) => {
    const distance = reach.along(line, inputs)
    return async (factor) => {
      const found = distance(factor)
      await new Promise<void>((resolve) => void round.clock.after(0, resolve))
      return found
    }
  }
}
