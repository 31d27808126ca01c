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
    check: (value) => value > 0 && value <= 1e6,
    expected: '0 < alpha ≤ 1000000'
  })
  return {
    name: 'dirichlet',
    partition({ labels, classes, shards, random }) {
      const lists = Array.from({ length: shards }, (): number[] => [])
      for (const samples of byClass(labels, classes)) {
        random.shuffle(samples)
        const proportions = draw(alpha, shards, random)
        let cumulated = 0
        let from = 0
        lists.forEach((list, shard) => {
          cumulated += proportions[shard] ?? 0
          const to = shard === shards - 1 ? samples.length : Math.round(cumulated * samples.length)
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

/** A draw from the symmetric Dirichlet(α): gammas over their sum, by logarithms, for those of a small α underflow. */
function draw(alpha: number, count: number, random: Random): number[] {
  const logarithms = Array.from({ length: count }, () => logGamma(alpha, random))
  const largest = logarithms.reduce((a, b) => Math.max(a, b))
  const gammas = logarithms.map((value) => Math.exp(value - largest))
  const total = gammas.reduce((sum, value) => sum + value, 0)
  return gammas.map((value) => value / total)
}

/** Logarithm of a draw from Gamma(shape, 1) (Marsaglia and Tsang, 2000). */
function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random.uniform()) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const normal = random.normal()
    const root = 1 + c * normal
    const v = root * root * root
    if (v <= 0) continue
    const accepted = 0.5 * normal * normal + d - d * v + d * Math.log(v)
    if (Math.log(1 - random.uniform()) < accepted) return Math.log(d * v)
  }
}
