import type { Random } from '../random.js'

/**
 * Deals samples to ranks. Pure and deterministic: the same labels, count and random give the same shards on every
 * peer, so that nobody has to be told which samples are whose.
 */
export interface Partitioner {
  readonly name: string
  /** `shards` lists of sample numbers, disjoint; together all samples. Some may be shorter, none is empty unless samples < shards. */
  partition(init: { labels: Uint8Array; classes: number; shards: number; random: Random }): Uint32Array<ArrayBuffer>[]
}
