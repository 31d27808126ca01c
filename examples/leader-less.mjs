// leader-less.mjs: nobody merges for the others; each peer reads the gradients of all and merges them itself
export default () => ({
  name: 'leader-less',
  describe: 'every peer reads the gradients of all, and merges them itself',
  kind: 'exchange',
  // each peer computes one gradient in a round
  minibatches: 1,
  // and sends its own to n - 1 others, as they send theirs
  traffic: ({ peers, bytes }) => ({ sent: (peers - 1) * bytes, received: (peers - 1) * bytes }),

  async round(context) {
    // what this peer gives; made once, also when the round has to be tried again because a peer was lost
    await context.contribute(async () => {
      const key = context.key('gradient')
      const [minibatch] = context.minibatches
      const { loss, samples } = await context.measure('compute', () => context.gradient(minibatch, key))
      return { key, loss, samples }
    })
    // whose contributions count in this round: the same list at every peer
    const manifests = await context.agreed()
    // read from the peers that hold them, each verified
    const keys = await context.fetch(manifests)
    const merged = context.key('merged')
    await context.aggregate(keys, manifests, merged)
    // the update: the runtime agrees on its digest, applies it, and compares the parameters
    return merged
  }
})
