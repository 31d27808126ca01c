/**
 * As all-reduce, but two peers merge the gradients of all, and each hands what it merged to half of the others: the
 * busiest link carries half as much. Both merge the same gradients in the same order, so both have the same bits.
 *
 * @type {import('@peergrad/core').StrategyFactory}
 */
export default ({ minibatches = 1 }) => ({
  name: 'two-mergers',
  describe: 'two peers merge the gradients of all, each for half of the others',
  kind: 'exchange',
  minibatches: Number(minibatches),

  traffic({ peers, rank, bytes }) {
    const mergers = Math.min(2, peers)
    if (rank >= mergers) return { sent: mergers * bytes, received: bytes }
    const ranks = Array.from({ length: peers - mergers }, (_, i) => i + mergers)
    const served = ranks.filter((other) => other % mergers === rank).length
    return { sent: (mergers - 1 + served) * bytes, received: (peers - 1) * bytes }
  },

  async round(context) {
    await context.contribute(() => gradients(context))
    const manifests = await context.agreed()
    const mergers = Math.min(2, manifests.length)
    const mine = context.role(context.rank % mergers)
    const merges = Array.from({ length: mergers }, (_, index) => context.role(index)).includes(context.self)
    if (!merges) return context.receive('merged', mine)
    const merged = context.key('merged')
    await context.aggregate(await context.fetch(manifests), manifests, merged)
    return context.publish('merged', merged)
  }
})

/** The mean gradient of this peer's minibatches of the round. */
async function gradients(context) {
  const { minibatches, store } = context
  const keys = minibatches.map((_, index) => context.key(`gradient:${index}`))
  const done = await context.measure('compute', () =>
    Promise.all(minibatches.map((minibatch, index) => context.gradient(minibatch, keys[index])))
  )
  const key = context.key('mean')
  await context.measure('average', () => store.average(keys, key))
  const samples = done.reduce((sum, each) => sum + each.samples, 0)
  return { key, samples, loss: done.reduce((sum, each) => sum + each.loss * each.samples, 0) / samples }
}
