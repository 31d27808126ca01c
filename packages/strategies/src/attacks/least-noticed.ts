import type { Floats, GradientAttack, Line } from '@peergrad/core'
import { checkNames, choiceOption, type PluginOptions } from '../plugin-options.js'
import { along, deviationOf, meanOf } from './moments.js'

const DIRECTIONS = ['deviation', 'unit', 'sign'] as const

/**
 * Min-max (Shejwalkar and Houmansadr, NDSS 2021, eq. 8): μ + γ·p as far out as no honest vector is further from it than two
 * honest ones are from each other. The γ that the authors' bisection comes near to has a closed form, which is used.
 * O(h²·d) for h honest vectors of length d. With one of them γ is 0, and it is that vector.
 *
 * @param options direction: p = −σ (deviation), −μ/‖μ‖ (unit) or −sign μ (sign)
 */
export function minMax(options: PluginOptions): GradientAttack {
  return leastNoticed(
    'min-max',
    'no honest vector is further from it than two honest ones',
    options,
    (honest, line) => {
      let diameter = 0
      for (const [i, a] of honest.entries()) {
        for (const b of honest.slice(0, i)) diameter = Math.max(diameter, squaredDistance(a, b))
      }
      const reach = squaredNorm(line.direction)
      // ‖μ + γp − x‖² ≤ D for each x
      return Math.min(
        ...honest.map((row) => largestRoot(reach, slope(row, line), squaredDistance(row, line.base) - diameter))
      )
    }
  )
}

/**
 * Min-sum (the same, eq. 9): as far out as its squared distances to the honest vectors have no larger sum than those of
 * any honest one. O(h²·d) too.
 *
 * @param options direction, as of min-max
 */
export function minSum(options: PluginOptions): GradientAttack {
  return leastNoticed(
    'min-sum',
    'its squared distances sum to no more than those of an honest one',
    options,
    (honest, line) => {
      const sums = honest.map((a) => honest.reduce((sum, b) => sum + squaredDistance(a, b), 0))
      const spread = honest.reduce((sum, row) => sum + squaredDistance(row, line.base), 0)
      // Σ (μ − x) is 0
      return largestRoot(honest.length * squaredNorm(line.direction), 0, spread - Math.max(...sums))
    }
  )
}

type Ray = Required<Line>

function leastNoticed(
  name: string,
  bound: string,
  options: PluginOptions,
  largest: (honest: readonly Floats[], line: Ray) => number
): GradientAttack {
  checkNames(name, options, ['direction'])
  const direction = choiceOption(name, options, 'direction', DIRECTIONS)
  return {
    name,
    describe: `as far against the honest mean as ${bound} (Shejwalkar and Houmansadr 2021); direction=deviation, unit, sign`,
    holds: 'a robust rule with f declared loses some accuracy and does not collapse',
    level: 'gradient',
    knows: ['honest'],
    craft({ honest, out }) {
      const base = meanOf(honest)
      const line = { base, direction: perturbation(direction, honest, base) }
      along(line, largest(honest, line), out)
    }
  }
}

function perturbation(kind: (typeof DIRECTIONS)[number], honest: readonly Floats[], mean: Float64Array): Float64Array {
  if (kind === 'deviation') return deviationOf(honest, mean).map((value) => -value)
  if (kind === 'sign') return mean.map((value) => -Math.sign(value))
  const norm = Math.sqrt(squaredNorm(mean))
  return mean.map((value) => (norm === 0 ? 0 : -value / norm))
}

/** The largest x with a·x² + 2·b·x + c ≤ 0; 0 where a is 0. c is not above 0. */
function largestRoot(a: number, b: number, c: number): number {
  return a === 0 ? 0 : (Math.sqrt(Math.max(0, b * b - a * c)) - b) / a
}

/** ⟨p, μ − x⟩ */
function slope(row: Floats, { base, direction }: Ray): number {
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += direction[i] * (base[i] - row[i])
  return sum
}

function squaredDistance(a: Floats, b: Floats): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return sum
}

function squaredNorm(a: Floats): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * a[i]
  return sum
}
