import { PeergradError } from './errors.js'
import type { AdamCoefficients, Kernels, MomentumCoefficients, SgdCoefficients } from './kernels/index.js'
import { power } from './power.js'
import type { Vector } from './vector.js'

export * from './schedule.js'

/**
 * An optimiser and its constants, in PyTorch's conventions. The `learningRate` is the base that a schedule varies.
 * With p parameters, g gradient, α learning rate, λ weightDecay (default 0, of adamw 0.01), d = g + λ·p:
 *
 * - `sgd`: p' = p − α·d
 * - `momentum` (μ default 0.9): v' = μ·v + d; p' = p − α·v'
 * - `nesterov` (μ default 0.9): v' = μ·v + d; p' = p − α·(d + μ·v')
 * - `adam` (Kingma and Ba, ICLR 2015, algorithm 1; β₁ 0.9, β₂ 0.999, ε 1e-8):
 *   m' = β₁·m + (1 − β₁)·d; v' = β₂·v + (1 − β₂)·(d·d); p' = p − α/(1 − β₁^t)·m' / (√v' / √(1 − β₂^t) + ε)
 * - `adamw` (Loshchilov and Hutter, ICLR 2019): d = g, and p is first multiplied by 1 − α·λ
 *
 * Each operation is rounded to float32 as the kernels say. The coefficients (α/(1 − β₁^t), √(1 − β₂^t), 1 − β₁,
 * 1 − α·λ …) are computed in float64 once a step and rounded once; β^t by squaring (`power`), never by Math.pow.
 */
export type OptimiserSpec = { readonly learningRate: number; readonly weightDecay?: number } & (
  | { readonly name: 'sgd' }
  | { readonly name: 'momentum'; readonly momentum?: number }
  | { readonly name: 'nesterov'; readonly momentum?: number }
  | ({ readonly name: 'adam' } & AdamConstants)
  | ({ readonly name: 'adamw' } & AdamConstants)
)

/** Constants of Adam and AdamW. */
interface AdamConstants {
  /** share of the first moment that is kept, 0.9 when left out */
  readonly beta1?: number
  /** share of the second moment that is kept, 0.999 when left out */
  readonly beta2?: number
  /** what keeps the division from zero, 1e-8 when left out */
  readonly epsilon?: number
}

export interface OptimiserStep {
  /** read only, unless `out` is the same vector */
  readonly parameters: Vector
  readonly gradient: Vector
  /** as many as optimiserState says, zeros before the first step: velocity; or first and second moment */
  readonly state: readonly Vector[]
  /** the new parameters; `parameters` itself for a step in place */
  readonly out: Vector
  /** the new state; each may be its own predecessor */
  readonly outState: readonly Vector[]
  /** t, from 1 */
  readonly step: number
  /** α of this step */
  readonly learningRate: number
}

const STATE_VECTORS: Readonly<Record<OptimiserSpec['name'], number>> = {
  sgd: 0,
  momentum: 1,
  nesterov: 1,
  adam: 2,
  adamw: 2
}

/** Names of the optimisers. */
export const OPTIMISERS = Object.keys(STATE_VECTORS) as readonly OptimiserSpec['name'][]

/** Number of state vectors, each as long as the parameters. */
export function optimiserState(spec: OptimiserSpec): number {
  return STATE_VECTORS[spec.name]
}

/**
 * Writes the next version of parameters and state; the old one stays as it was, unless the step is in place. Returns whether
 * all that it wrote is finite.
 * Errors: `argument` for constants out of range, `non-finite` for a learning rate that is none, `shape` for vectors
 * of several lengths.
 */
export function optimiserStep(kernels: Kernels, spec: OptimiserSpec, request: OptimiserStep): boolean {
  checkOptimiser(spec)
  const { parameters, gradient, state, out, outState, step, learningRate } = request
  const vectors = optimiserState(spec)
  if (state.length !== vectors || outState.length !== vectors) {
    const message = `${spec.name}: got ${state.length} state vectors and ${outState.length} for the next, expected ${vectors}`
    throw new PeergradError('argument', message)
  }
  if (!Number.isSafeInteger(step) || step < 1) {
    throw new PeergradError('argument', `${spec.name}: got step ${step}, expected a whole number from 1`)
  }
  const kind = optimiserCoefficients(spec, { step, learningRate })
  if (kind.kernel === 'sgd') return kernels.sgd(out, parameters, gradient, kind.coefficients)
  if (kind.kernel === 'momentum') {
    const from = { parameters, velocity: state[0] }
    return kernels.momentum({ parameters: out, velocity: outState[0] }, from, gradient, kind.coefficients)
  }
  const from = { parameters, first: state[0], second: state[1] }
  return kernels.adam({ parameters: out, first: outState[0], second: outState[1] }, from, gradient, kind.coefficients)
}

/** The kernel that makes a step, and its coefficients in float64. */
export type OptimiserKernel =
  | { readonly kernel: 'sgd'; readonly coefficients: SgdCoefficients }
  | { readonly kernel: 'momentum'; readonly coefficients: MomentumCoefficients }
  | { readonly kernel: 'adam'; readonly coefficients: AdamCoefficients }

/**
 * For whoever makes the step elsewhere, e.g. a database: with the same coefficients it has the same bits. Error `non-finite`
 * names one which no float32 holds.
 */
export function optimiserCoefficients(
  spec: OptimiserSpec,
  at: { step: number; learningRate: number }
): OptimiserKernel {
  const made = coefficientsOf(spec, at)
  for (const [name, value] of Object.entries(made.coefficients) as [string, number | boolean][]) {
    if (typeof value === 'boolean' || Number.isFinite(Math.fround(value))) continue
    const message = `${spec.name}: got ${name} ${value} at a learning rate of ${at.learningRate}, expected a finite float32`
    throw new PeergradError('non-finite', message)
  }
  return made
}

function coefficientsOf(
  spec: OptimiserSpec,
  { step, learningRate }: { step: number; learningRate: number }
): OptimiserKernel {
  if (spec.name === 'sgd') return { kernel: 'sgd', coefficients: { learningRate, weightDecay: spec.weightDecay ?? 0 } }
  if (spec.name === 'momentum' || spec.name === 'nesterov') {
    const { weightDecay = 0, momentum = 0.9 } = spec
    return {
      kernel: 'momentum',
      coefficients: { learningRate, weightDecay, momentum, nesterov: spec.name === 'nesterov' }
    }
  }
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = spec
  const decoupled = spec.name === 'adamw'
  return {
    kernel: 'adam',
    coefficients: {
      stepSize: learningRate / (1 - power(beta1, step)),
      weightDecay: decoupled ? 0 : (spec.weightDecay ?? 0),
      shrink: decoupled ? 1 - learningRate * (spec.weightDecay ?? 0.01) : 1,
      beta1,
      gamma1: 1 - beta1,
      beta2,
      gamma2: 1 - beta2,
      correction: Math.sqrt(1 - power(beta2, step)),
      epsilon
    }
  }
}

/** Error `argument` naming the first constant that is out of its range, `unknown` for another optimiser. */
export function checkOptimiser(spec: OptimiserSpec): void {
  if (!Object.hasOwn(STATE_VECTORS, spec.name)) {
    throw new PeergradError('unknown', `optimiser: got "${spec.name}", expected one of ${OPTIMISERS.join(', ')}`)
  }
  const check = (field: string, value: number | undefined, ok: (value: number) => boolean, range: string) => {
    if (value === undefined || (Number.isFinite(value) && ok(value))) return
    throw new PeergradError('argument', `optimiser ${spec.name}: ${field}: got ${value}, expected ${range}`)
  }
  const fromZero = (value: number) => value >= 0
  const fraction = (value: number) => value >= 0 && value < 1
  check('learningRate', spec.learningRate, fromZero, 'a finite number from 0')
  check('weightDecay', spec.weightDecay, fromZero, 'a finite number from 0')
  if ('momentum' in spec) check('momentum', spec.momentum, fraction, '0 ≤ momentum < 1')
  if ('beta1' in spec) check('beta1', spec.beta1, fraction, '0 ≤ beta1 < 1')
  if ('beta2' in spec) check('beta2', spec.beta2, fraction, '0 ≤ beta2 < 1')
  if ('epsilon' in spec) check('epsilon', spec.epsilon, (value) => Math.fround(value) > 0, 'a float32 above 0')
}
