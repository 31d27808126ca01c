import type { Partitioner } from '@peergrad/core'

import { cutEvenly, numbers, sortedByLabel } from './deal.js'
import { checkOptions, count } from '../options.js'

/**
 * The samples sorted by label are cut into `perPeer` × shards slices, and each peer is dealt `perPeer` of them at
 * random: most peers see few classes (McMahan et al., 2017, section 3).
 */
export function labelShards(options: Readonly<Record<string, number | string | boolean>>): Partitioner {
  checkOptions('shards', options, ['perPeer'])
  const perPeer = count('shards', options, 'perPeer', 2)
  return {
    name: 'shards',
    partition({ labels, shards, random }) {
      const sorted = sortedByLabel(numbers(labels.length), labels, random)
      const slices = cutEvenly(sorted, Math.max(shards, Math.min(perPeer * shards, sorted.length)))
      const dealt = random.shuffle(numbers(slices.length))
      return Array.from({ length: shards }, (_, shard) => {
        const mine = [...dealt].filter((_, position) => position % shards === shard)
        return Uint32Array.from(mine.flatMap((slice) => [...(slices[slice] ?? [])]))
      })
    }
  }
}
