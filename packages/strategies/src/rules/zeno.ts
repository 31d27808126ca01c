import { PeergradError, type Aggregator } from '@peergrad/core'
import { between } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../plugin-options.js'

/** Losses on one validation batch that all peers share. */
export interface ValidationLosses {
  /** of the model, Θ */
  readonly before: number
  /** of Θ − γ·x_i, for each input in its order */
  readonly after: readonly number[]
}

/**
 * Mean of the n − b inputs of the highest scores loss(Θ) − loss(Θ − γ·x_i) − ρ·mean(x_i²) (Zeno: Xie et al., ICML 2019,
 * definition 3; the penalty by coordinates as in its code). n > b: it bears any number of hostile inputs but one.
 *
 * It judges by losses, which no kernel knows: whoever has an engine measures them for each round. Losses from different
 * machines differ in their last bits, so peers that are to agree take those of one of them. Not a rule of runs yet.
 */
export function zeno(options: PluginOptions, { before, after }: ValidationLosses): Aggregator {
  checkNames('zeno', options, ['b', 'rho'])
  const b = integerOption('zeno', options, 'b', { fallback: 1, min: 0 })
  const rho = numberOption('zeno', options, 'rho', { fallback: 5e-4, min: 0 })
  const stray = [before, ...after].find((loss) => !Number.isFinite(loss))
  if (stray !== undefined) {
    throw new PeergradError('argument', `zeno: got a loss of ${stray}, expected finite numbers`)
  }
  return {
    name: 'zeno',
    describe: 'mean of the n − b inputs that lower the loss on a validation batch most (Xie et al., ICML 2019)',
    check: (n) => between(n, b + 1, Infinity, `b = ${b}: expected more than b`),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      if (after.length !== n) {
        throw new PeergradError('argument', `zeno: got ${after.length} losses after a step for ${n} inputs`)
      }
      const scores = vectors.map((x, i) => before - after[i] - (rho * kernels.squaredNorm(x)) / x.length)
      const best = ascending(scores.map((score) => -score)).slice(0, n - b)
      kernels.average([out], vectors, [membership(best, n)])
    }
  }
}
