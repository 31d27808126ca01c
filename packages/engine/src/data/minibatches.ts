import { random, seedOf, type Minibatch } from '@peergrad/core'

/**
 * One epoch of a shard: its samples in a seeded order, cut into minibatches of `batch`. Every sample stands in exactly
 * one of them; the last is short when `batch` does not divide the shard. Depends on nothing but its arguments, so
 * (epoch, index) is all of a data position.
 */
export function minibatchesOf(init: {
  shard: Uint32Array
  batch: number
  epoch: number
  seed: number
  rank: number
}): Minibatch[] {
  const { shard, batch, epoch, seed, rank } = init
  const order = random(seed, 'order', epoch, rank).shuffle(shard.slice())
  return Array.from({ length: Math.ceil(order.length / batch) }, (_, index) => ({
    samples: order.subarray(index * batch, (index + 1) * batch),
    seed: seedOf(seed, 'minibatch', epoch, rank, index)
  }))
}
