import type { Partitioner } from '@peergrad/core'

import { cutEvenly, numbers, sortedByLabel } from './deal.js'
import { checkOptions, count, number } from '../options.js'

/**
 * γ-similarity, as in ByzFL (after Karimireddy et al., 2020): a share γ of the samples is dealt at random, the rest is
 * sorted by label and cut evenly. γ = 1 is IID, γ = 0 gives each peer a run of labels.
 *
 * With `among` the samples are dealt to the first so many ranks, and each later one has a single sample: in ByzFL's
 * experiments hostile peers have no data.
 */
export function similarity(options: Readonly<Record<string, number | string | boolean>>): Partitioner {
  checkOptions('similarity', options, ['gamma', 'among'])
  const gamma = number('similarity', options, 'gamma', {
    otherwise: 0.5,
    check: (value) => value >= 0 && value <= 1,
    expected: '0 ≤ gamma ≤ 1'
  })
  const among = options['among'] === undefined ? Infinity : count('similarity', options, 'among', 1)
  return {
    name: 'similarity',
    partition({ labels, shards, random }) {
      const holders = Math.min(among, shards)
      const order = random.shuffle(numbers(labels.length))
      const single = Math.min(shards - holders, order.length)
      const rest = order.slice(single)
      const dealt = Math.round(gamma * rest.length)
      const alike = cutEvenly(rest.slice(0, dealt), holders)
      // the longer pieces of the rest go to the peers with the shorter pieces of the first part
      const sorted = cutEvenly(sortedByLabel(rest.slice(dealt), labels, random), holders)
      const held = alike.map((part, shard) => Uint32Array.from([...part, ...(sorted[holders - 1 - shard] ?? [])]))
      return [...held, ...Array.from({ length: shards - holders }, (_, later) => order.slice(later, later + 1))]
    }
  }
}
