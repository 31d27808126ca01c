/**
 * An architecture of exchange: it only says who reads what from whom. Deadlines, lost peers, checks and agreement are
 * the runtime's. Await what the context gives, and let its errors pass.
 *
 * @type {import('@peergrad/core').StrategyFactory}
 */
export default ({ minibatches = 1 }) => ({
  name: 'my-plugin',
  describe: 'one peer after the other merges the gradients of all and hands the merged one on',
  kind: 'exchange',
  // how many minibatches each peer takes in one round
  minibatches: Number(minibatches),

  // bytes of vectors that a peer sends and receives in a round without faults
  traffic: ({ peers, rank, bytes }) => {
    const vectors = rank === 0 ? peers - 1 : 1
    return peers === 1 ? { sent: 0, received: 0 } : { sent: vectors * bytes, received: vectors * bytes }
  },

  async round(context) {
    // what this peer gives: the mean of its gradients; kept when the round has to be tried again without a lost peer
    await context.contribute(async () => {
      const keys = context.minibatches.map((_, index) => context.key(`gradient:${index}`))
      const done = await context.measure('compute', () =>
        Promise.all(context.minibatches.map((minibatch, index) => context.gradient(minibatch, keys[index])))
      )
      const key = context.key('mean')
      await context.measure('average', () => context.store.average(keys, key))
      const samples = done.reduce((sum, each) => sum + each.samples, 0)
      const loss = done.reduce((sum, each) => sum + each.loss * each.samples, 0) / samples
      return { key, loss, samples }
    })
    // whose contributions count in this round: the same list at every peer
    const manifests = await context.agreed()
    // the peer that carries the first role; another one when it is lost
    const merger = context.role(0)
    if (context.self !== merger) return context.receive('merged', merger)
    const merged = context.key('merged')
    await context.aggregate(await context.fetch(manifests), manifests, merged)
    // the key of the update in the own store: the runtime agrees on its digest, applies it and compares the models
    return context.publish('merged', merged)
  }
})
