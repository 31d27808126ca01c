import type { Partitioner } from '@peergrad/core'

import { cutEvenly, numbers, sortedByLabel } from './deal.js'
import { checkOptions, number } from '../options.js'

/**
 * γ-similarity, as in ByzFL (after Karimireddy et al., 2020): a share γ of the samples is dealt at random, the rest is
 * sorted by label and cut evenly. γ = 1 is IID, γ = 0 gives each peer a run of labels.
 */
export function similarity(options: Readonly<Record<string, number | string | boolean>>): Partitioner {
  checkOptions('similarity', options, ['gamma'])
  const gamma = number('similarity', options, 'gamma', {
    otherwise: 0.5,
    check: (value) => value >= 0 && value <= 1,
    expected: '0 ≤ gamma ≤ 1'
  })
  return {
    name: 'similarity',
    partition({ labels, shards, random }) {
      const order = random.shuffle(numbers(labels.length))
      const dealt = Math.round(gamma * order.length)
      const alike = cutEvenly(order.slice(0, dealt), shards)
      // the longer pieces of the rest go to the peers with the shorter pieces of the first part
      const sorted = cutEvenly(sortedByLabel(order.slice(dealt), labels, random), shards)
      return alike.map((part, shard) => Uint32Array.from([...part, ...(sorted[shards - 1 - shard] ?? [])]))
    }
  }
}
