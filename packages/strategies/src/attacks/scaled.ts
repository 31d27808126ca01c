import type { GradientAttack } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { along, meanOf } from './moments.js'

/** Gives zeros: the mean shrinks by f/n. */
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
 * Dissensus (He et al., 2022, arXiv 2202.01545, section 4): x − ε·(h/f)·(μ − x), which pulls a model away from those of its
 * h honest neighbours by as much as gossip pulls it to them. The paper's attacker sends another vector to each
 * neighbour; here all read the one digest that the round agreed on, so it sends one, around its own model.
 *
 * @param options epsilon: 1.5 unless given
 */
export function dissensus(options: PluginOptions): GradientAttack {
  checkNames('dissensus', options, ['epsilon'])
  const epsilon = numberOption('dissensus', options, 'epsilon', { fallback: 1.5, min: 0 })
  return {
    name: 'dissensus',
    describe: 'pulls models apart: x − epsilon·(h/f)·(μ − x), epsilon 1.5, for gossip (He et al. 2022)',
    holds: 'clipped gossip keeps the honest models together, where averaging lets them drift apart',
    level: 'gradient',
    knows: ['own', 'honest', 'topology'],
    craft({ own, honest, out, f }) {
      const mean = meanOf(honest)
      const pull = (epsilon * honest.length) / Math.max(1, f)
      for (let i = 0; i < out.length; i++) out[i] = own[i] - pull * (mean[i] - own[i])
    }
  }
}
