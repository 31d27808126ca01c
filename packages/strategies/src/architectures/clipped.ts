import type { RoundContext } from '@peergrad/core'

/** A model in the own store, and what it weighs. */
export interface Weighted {
  readonly key: string
  readonly weight: number
}

/**
 * Clipped gossip (SCClip: He, Karimireddy and Jaggi, 2022, arXiv 2202.01545, algorithm 1), around a model of the own store:
 *
 *     x ← x_i + Σ_j w_j · min(1, τ / ‖x_j − x_i‖) · (x_j − x_i)
 *
 * So others move it by τ·Σ w_j at most, however many of them are hostile: no condition on their number, but Σ w_j ≤ 1. Distances
 * are those of the trainable part; buffers are merged with the same factors. Three passes over each of the others, and one
 * over x. Returns the key of x.
 */
export async function clippedAround(
  { store, engine, key }: RoundContext,
  centre: string,
  others: readonly Weighted[],
  tau: number
): Promise<string> {
  const { parameters, buffers } = engine.layout
  const factors: number[] = []
  for (const [index, other] of others.entries()) {
    const difference = key(`difference:${index}`)
    const terms = [
      { key: other.key, factor: 1 },
      { key: centre, factor: -1 }
    ]
    await store.combine({ terms, to: difference })
    const trainable = buffers === 0 ? difference : `${difference}:trainable`
    if (buffers > 0) await store.slice({ from: difference, offset: 0, length: parameters, to: trainable })
    const { norm } = await store.verify(trainable)
    await store.delete([difference, trainable])
    factors.push(other.weight * (norm > tau ? tau / norm : 1))
  }
  const own = 1 - factors.reduce((sum, factor) => sum + factor, 0)
  const to = key('clipped')
  const terms = [
    { key: centre, factor: own },
    ...others.map((other, index) => ({ key: other.key, factor: factors[index] }))
  ]
  await store.combine({ terms, to })
  return to
}
