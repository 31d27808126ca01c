import type { Partitioner } from '@peergrad/core'

import { cutEvenly, numbers } from './deal.js'
import { checkOptions } from '../options.js'

/** Samples dealt at random; shard sizes differ by at most one. */
export function iid(options: Readonly<Record<string, number | string | boolean>>): Partitioner {
  checkOptions('iid', options, [])
  return {
    name: 'iid',
    partition: ({ labels, shards, random }) => cutEvenly(random.shuffle(numbers(labels.length)), shards)
  }
}
