import type { GradientAttack } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { along, meanOf } from './moments.js'

/** Gives zeros, as a peer whose gradient is broken, of no paper: the mean shrinks by f/n. */
export function zero(options: PluginOptions): GradientAttack {
  checkNames('zero', options, [])
  return {
    name: 'zero',
    describe: 'gives zeros in the place of its gradient',
    holds: 'the run converges: the mean only takes shorter steps, and a robust rule leaves the zeros out',
    level: 'gradient',
    knows: [],
    craft: ({ out }) => void out.fill(0)
  }
}

/**
 * Its own vector, boosted so that it replaces the mean (Bagdasaryan et al., AISTATS 2020, eq. 3): what a backdoor travels
 * in.
 *
 * @param options factor: n, the number of inputs, unless given
 */
export function scaling(options: PluginOptions): GradientAttack {
  checkNames('scaling', options, ['factor'])
  const fixed = 'factor' in options ? numberOption('scaling', options, 'factor', { fallback: 1 }) : undefined
  return {
    name: 'scaling',
    describe: 'model replacement: gives its own vector times factor (n) (Bagdasaryan et al. 2020)',
    holds: 'a robust rule, or clipping before it, bounds what one contribution can move',
    level: 'gradient',
    knows: ['own'],
    craft: ({ own, out, n }) => along({ direction: meanOf([own]) }, fixed ?? n, out)
  }
}

/**
 * Dissensus (He et al., 2022, arXiv 2202.01545, section 4), against gossip: x_i − ε·Σ_j (x_j − x_i) / b for the victim i, its
 * honest neighbours j, and b neighbours that are hostile, which pulls it from the honest ones by ε times what these pull it
 * to them. The paper's attacker sends another vector to each neighbour. Here all read the one digest that the round agreed
 * on: one that has several honest neighbours chooses the first as its victim. Where all read all, it is its own victim, and
 * the honest ones are its neighbours.
 *
 * @param options epsilon: 1.5 unless given
 */
export function dissensus(options: PluginOptions): GradientAttack {
  checkNames('dissensus', options, ['epsilon'])
  const epsilon = numberOption('dissensus', options, 'epsilon', { fallback: 1.5, min: 0 })
  return {
    name: 'dissensus',
    describe:
      'pulls models apart: x − epsilon·Σ(x_j − x)/b for its neighbour x, epsilon 1.5, for gossip (He et al. 2022)',
    holds: 'clipped gossip keeps the honest models together, where averaging lets them drift apart',
    level: 'gradient',
    knows: ['own', 'honest', 'topology'],
    craft({ own, honest, out, f, victim = { vector: own, neighbours: honest, hostile: Math.max(1, f) } }) {
      const { vector, neighbours, hostile } = victim
      const mean = meanOf(neighbours)
      const pull = (epsilon * neighbours.length) / hostile
      for (let i = 0; i < out.length; i++) out[i] = vector[i] - pull * (mean[i] - vector[i])
    }
  }
}
