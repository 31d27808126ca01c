import { MEDIAN_INPUTS, PeergradError, type Aggregator } from '@peergrad/core'
import { between, declared } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../plugin-options.js'

/**
 * Mean of the n − f inputs of the highest scores loss(Θ) − loss(Θ − γ·x_i) − ρ·mean(x_i²) on a validation batch (Zeno: Xie et
 * al., ICML 2019, definition 3; the penalty by coordinates as in its code). γ is the learning rate, ρ by default γ / 200.
 * loss(Θ) is in all scores alike, so nobody measures it. f < n ≤ 64, for buffers are merged by their median: by itself the rule
 * bears any number of hostile inputs but one, the agreement of a run bears fewer than half. Two passes over n·d, and n evaluations of the batch.
 *
 * @param options f; rho; samples: of the validation batch
 */
export function zeno(options: PluginOptions): Aggregator {
  checkNames('zeno', options, ['f', 'rho', 'samples'])
  const f = declared('zeno', options)
  const rho = 'rho' in options ? numberOption('zeno', options, 'rho', { fallback: 0, min: 0 }) : undefined
  const samples = integerOption('zeno', options, 'samples', { fallback: 128, min: 1, max: 1_000_000 })
  return {
    name: 'zeno',
    f,
    trials: { samples },
    buffers: 'median',
    describe: 'mean of the n − f inputs that lower the loss on a validation batch most (Xie et al., ICML 2019)',
    check: (n) => between(n, f + 1, MEDIAN_INPUTS, `f = ${f}: expected more than f`),
    aggregate({ vectors, out, kernels, trials }) {
      const n = vectors.length
      if (trials?.losses.length !== n) {
        const got = trials === undefined ? 'no losses' : `${trials.losses.length} losses`
        throw new PeergradError('argument', `zeno: got ${got}, expected one after a step along each of ${n} inputs`)
      }
      const { losses, stepSize } = trials
      const penalty = rho ?? stepSize / 200
      const norms = kernels.squaredNorms(vectors)
      const costs = losses.map((loss, i) => loss + (penalty * norms[i]) / out.length)
      kernels.average([out], vectors, [membership(ascending(costs).slice(0, n - f), n)])
    }
  }
}
