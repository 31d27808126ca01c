import type { Partitioner, Random } from '@peergrad/core'

import { byClass } from './deal.js'
import { checkOptions, number } from '../options.js'

/**
 * Each class is split over the peers in proportions drawn from Dirichlet(α) (Hsu et al., 2019). A peer that would get
 * nothing is given a sample of the largest shard, so none is empty while there are samples.
 */
export function dirichlet(options: Readonly<Record<string, number | string | boolean>>): Partitioner {
  checkOptions('dirichlet', options, ['alpha'])
  const alpha = number('dirichlet', options, 'alpha', {
    otherwise: 0.5,
    check: (value) => value > 0 && Number.isFinite(value),
    expected: 'alpha > 0'
  })
  return {
    name: 'dirichlet',
    partition({ labels, classes, shards, random }) {
      const lists = Array.from({ length: shards }, (): number[] => [])
      for (const samples of byClass(labels, classes)) {
        random.shuffle(samples)
        const proportions = Array.from({ length: shards }, () => gamma(alpha, random))
        const total = proportions.reduce((sum, share) => sum + share, 0)
        let cumulated = 0
        let from = 0
        lists.forEach((list, shard) => {
          cumulated += proportions[shard] ?? 0
          const to = shard === shards - 1 ? samples.length : Math.round((cumulated / total) * samples.length)
          for (const sample of samples.slice(from, to)) list.push(sample)
          from = to
        })
      }
      fillEmpty(lists)
      return lists.map((list) => Uint32Array.from(list))
    }
  }
}

function fillEmpty(lists: number[][]): void {
  for (const list of lists) {
    if (list.length > 0) continue
    const largest = lists.reduce((a, b) => (b.length > a.length ? b : a))
    const sample = largest.length > 1 ? largest.pop() : undefined
    if (sample !== undefined) list.push(sample)
  }
}

/**
 * A draw from Gamma(shape, 1) (Marsaglia and Tsang, 2000). The smallest positive number at least: for a tiny shape the
 * draw underflows, and a Dirichlet of zeros only is not defined.
 */
function gamma(shape: number, random: Random): number {
  if (shape < 1) {
    const boost = Math.pow(1 - random.uniform(), 1 / shape)
    return Math.max(Number.MIN_VALUE, gamma(shape + 1, random) * boost)
  }
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const normal = random.normal()
    const v = (1 + c * normal) ** 3
    const u = 1 - random.uniform()
    if (v > 0 && Math.log(u) < 0.5 * normal * normal + d - d * v + d * Math.log(v)) return d * v
  }
}
