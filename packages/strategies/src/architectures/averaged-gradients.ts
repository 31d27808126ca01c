import type { LastingContext, Minibatch } from '@peergrad/core'

/** What a peer gives in a round: the key of the vector, the mean loss, and the samples behind it. */
export interface Given {
  readonly key: string
  readonly loss: number
  readonly samples: number
}

/** Gradients of minibatches in parallel into the peer's database, averaged there: all of the round's at its state. */
export async function averagedGradients(
  context: LastingContext,
  {
    minibatches = context.minibatches,
    state = context.state,
    name = 'gradient'
  }: { minibatches?: readonly Minibatch[]; state?: string; name?: string } = {}
): Promise<Given> {
  const { store } = context
  const keys = minibatches.map((_, index) => context.key(`${name}:${index}`))
  const results = await Promise.all(
    minibatches.map((minibatch, index) => context.gradient(minibatch, keys[index], state))
  )
  const given = mean(results)
  if (keys.length === 1) return { key: keys[0], ...given }
  const key = context.key(`${name}:average`)
  await context.measure('average', async () => {
    await store.average(keys, key)
    await store.delete(keys)
  })
  return { key, ...given }
}

/** Mean loss over all samples. */
export function mean(results: readonly Omit<Given, 'key'>[]): Omit<Given, 'key'> {
  const samples = results.reduce((sum, result) => sum + result.samples, 0)
  const loss = results.reduce((sum, result) => sum + result.loss * result.samples, 0) / samples
  return { loss, samples }
}
