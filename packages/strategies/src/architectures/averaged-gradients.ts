import type { RoundContext } from '@peergrad/core'

/** This peer's minibatches of the round: their gradients in parallel into its database, averaged there. */
export async function averagedGradients(
  context: RoundContext
): Promise<{ key: string; loss: number; samples: number }> {
  const { minibatches, store } = context
  const keys = minibatches.map((_, index) => context.key(`gradient:${index}`))
  const results = await context.measure('compute', () =>
    Promise.all(minibatches.map((minibatch, index) => context.gradient(minibatch, keys[index])))
  )
  const samples = results.reduce((sum, result) => sum + result.samples, 0)
  const loss = results.reduce((sum, result) => sum + result.loss * result.samples, 0) / samples
  if (keys.length === 1) return { key: keys[0], loss, samples }
  const key = context.key('average')
  await context.measure('average', async () => {
    await store.average(keys, key)
    await store.delete(keys)
  })
  return { key, loss, samples }
}
