import type { RuleKernels } from '../kernels/index.js'
import type { Random } from '../random.js'
import type { Vector } from '../vector.js'

export interface AggregationInput {
  /** n ≥ 1 finite vectors of one length, in rank order; never written to */
  readonly vectors: readonly Vector[]
  /**
   * samples of the list that the sender of each vector reads: its shard, or when members changed in this epoch what was left of
   * it to read; 0 for a model that made no step since it was given last
   */
  readonly samples: readonly number[]
  /** where the result goes; none of `vectors` */
  readonly out: Vector
  readonly kernels: RuleKernels
  /** seeded alike on every peer for this round */
  readonly random: Random
  /** scratch of that length; `release` hands it back */
  readonly scratch: (length: number) => { vector: Vector; release(): void }
  /** what a rule that has `trials` asked for */
  readonly trials?: Trials
}

/** What a rule wants measured that judges each input by what it would do alone. */
export interface TrialRequest {
  /** training samples of the validation batch, drawn anew for each round */
  readonly samples: number
}

/** A step along each input alone, on one validation batch: what `Θ − stepSize·x_i` would be worth. */
export interface Trials {
  /** the learning rate with which the update of the round is applied */
  readonly stepSize: number
  /** mean losses of the batch after such a step, in the order of the inputs; Infinity where it is no number */
  readonly losses: readonly number[]
}

/**
 * Rules that databases may have, with the very bits that are said here. `parameters` of the vector and the buffers after
 * them are aggregated apart; operations are those of `Kernels`, in its order and rounding, and sums of several vectors go
 * from the lowest index on.
 *
 * - `mean`, `median`: `kernels.mean`, `kernels.median`.
 * - `weighted-mean` (weights): `kernels.weightedMean`.
 * - `trimmed-mean` {f} (Yin et al., ICML 2018, definition 2): `kernels.trimmedMean` without f of each end. n > 2f.
 * - `meamed` {f} (Xie et al., 2018, "Generalized Byzantine-tolerant SGD"): `kernels.meamed` without f of them. n > f.
 * - `multi-krum` {f, m} (Blanchard et al., NeurIPS 2017): an input's score is the float64 sum, ascending, of its n − f − 2
 *   smallest `kernels.squaredDistance` to the others; the mean of the m inputs of the lowest scores, of equals the lower
 *   index: added in float64 in the order of their indices, divided by m, and rounded. n ≥ f + 3, 1 ≤ m ≤ n. `krum` {f} is m = 1.
 * - `centered-clipping` {tau, iterations, median} (Karimireddy et al., ICML 2021, algorithm 2), from v = v_0: `kernels.median`,
 *   or zero where `median` is 0. With s_i = min(1, τ / ‖x_i − v‖) / n, the norm being the square root of
 *   `kernels.squaredDistance`, v = v + Σ (x_i − v)·s_i, so many times: as `kernels.average` of x_0 … x_{n−1}, v_0 with the
 *   weights c_0 … c_n, at first 0 … 0, 1 and each time max(0, c_k·(1 − Σ s_i)) + s_k, s_n being 0, in float64. The buffers are
 *   `kernels.median`.
 *
 * `median`, `trimmed-mean`, `meamed` and `centered-clipping` take up to 64 inputs.
 */
export type StoreRuleName =
  'mean' | 'weighted-mean' | 'median' | 'trimmed-mean' | 'meamed' | 'krum' | 'multi-krum' | 'centered-clipping'

/** A rule as databases know it. */
export interface StoreRule {
  readonly name: StoreRuleName
  /** Its numbers for n inputs, by the names that `StoreRuleName` gives them; left out where it has none. */
  readonly parameters?: (n: number) => Readonly<Record<string, number>>
  /** Its weights for inputs of so many samples, finite and from 0; left out where it weighs all alike. */
  readonly weights?: (samples: readonly number[]) => readonly number[]
}

/**
 * The rule that makes one vector of many. Pure and deterministic: the same inputs give the same bits on every peer;
 * the lowest index wins a tie.
 */
export interface Aggregator {
  readonly name: string
  /** what this rule is to a database that has it, which may then run it in place of `aggregate`: for the same bits only */
  readonly inStore?: StoreRule
  /** each coordinate of the result depends on that coordinate of the inputs alone, so that a part may be merged by itself */
  readonly perCoordinate?: boolean
  /** hostile inputs that it was told of, where it takes such a number; with 0 it bears none */
  readonly f?: number
  /**
   * It reads and writes elements by `kernels` alone, and of these by no `above` or `maxAbs`: so it also works on coefficients in
   * the place of vectors (`VectorSpan`), by which an attack is searched in a tenth of the time.
   */
  readonly byKernels?: boolean
  /**
   * For a rule that makes no average of its inputs, such as one of signs, or that judges whole models: what merges the buffers
   * (batch-norm statistics) in its place. Left out: the rule itself, on the buffers alone.
   */
  readonly buffers?: 'median'
  /**
   * For a rule that judges by losses: every peer measures them with its own engine before it calls the rule. Such a rule is
   * given what the peers gave, whole and with no pre-aggregator before it.
   */
  readonly trials?: TrialRequest
  /** one sentence with the rule's source, for `--help` */
  readonly describe: string
  /**
   * The rule's condition on the number of inputs, checked before a run starts and again each round:
   * undefined when it holds, else a sentence that says what is needed.
   */
  check(n: number): string | undefined
  aggregate(input: AggregationInput): void
}

export type AggregatorFactory = (options: Readonly<Record<string, number | string | boolean>>) => Aggregator
