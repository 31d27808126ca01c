import {
  Arena,
  createKernels,
  loadPlugin,
  preAggregate,
  random,
  resolvePlugin,
  seedOf,
  VectorSpan,
  unmetCondition,
  type Aggregator,
  type Floats,
  type Kernels,
  type Line,
  type PreAggregator,
  type RunManifest,
  type Vector
} from '@peergrad/core'
import { aggregators, preAggregators } from '../../registry/registry.js'

/** Vectors beside the honest ones: both of a line, the mean, and results that a span keeps. */
const BESIDE = 8
/** Floats of a vector that a span makes at least, a block of each input. */
const BLOCK = 8192

/** The inputs of one round's rule. */
interface Inputs {
  readonly round: number
  readonly honest: readonly Floats[]
  /** copies of the candidate */
  readonly f: number
  /** behind each honest vector, then behind each copy */
  readonly samples: readonly number[]
}

/** The run's rule and what comes before it, on candidates of a line by their coefficients: see `VectorSpan`. */
export class Reach {
  readonly #chain: readonly PreAggregator[]
  readonly #rule: Aggregator
  readonly #seed: number
  #memory: { readonly arena: Arena; readonly kernels: Kernels } | undefined
  #held: Vector[] = []
  #span: VectorSpan | undefined

  private constructor(chain: readonly PreAggregator[], rule: Aggregator, seed: number) {
    this.#chain = chain
    this.#rule = rule
    this.#seed = seed
  }

  /** Undefined where one of them does not work by kernels alone. */
  static async of({ aggregator, preAggregators: pre, seed }: RunManifest): Promise<Reach | undefined> {
    const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, aggregator))
    const chain = await Promise.all(
      pre.map((text) => loadPlugin('pre-aggregator', resolvePlugin(preAggregators, text)))
    )
    const known = [...chain, rule].every(({ byKernels }) => byKernels === true)
    return known ? new Reach(chain, rule, seed) : undefined
  }

  /** Whether the conditions on the number of inputs hold. */
  takes(n: number): boolean {
    return unmetCondition(this.#chain, this.#rule, n) === undefined
  }

  /**
   * Euclidean distance from the honest mean to what the rule makes of the honest vectors and the copies, by the factor. It is
   * good until the next call.
   */
  along({ base, direction }: Line, { round, honest, f, samples }: Inputs): (factor: number) => number {
    const span = this.#spanOf(honest, base === undefined ? [direction] : [direction, base])
    const rows = honest.map((_, i) => span.unit(i))
    const scratch = () => ({ vector: span.zero(), release: () => {} })
    return (factor) => {
      const candidate = span.zero()
      candidate[honest.length] = factor
      if (base !== undefined) candidate[honest.length + 1] = 1
      const common = {
        kernels: span.kernels,
        scratch,
        random: random(seedOf(this.#seed, 'aggregate', round), 'aggregate')
      }
      const all = [...rows, ...Array<Vector>(f).fill(candidate)]
      const vectors = preAggregate(this.#chain, { ...common, vectors: all })
      const out = span.zero()
      const weights = this.#chain.length === 0 ? samples : vectors.map(() => 1)
      this.#rule.aggregate({ ...common, vectors, samples: weights, out })
      return Math.sqrt(span.kernels.squaredDistance(out, span.mean))
    }
  }

  /** The span of copies in a memory of its own, where the kernels reach them. */
  #spanOf(honest: readonly Floats[], line: readonly Floats[]): VectorSpan {
    this.#span?.close()
    const { arena, kernels } = this.#memoryFor(honest)
    for (const vector of this.#held.splice(0)) arena.free(vector)
    this.#held = [...honest, ...line].map((each) => {
      const vector = arena.allocate(each.length)
      vector.set(each)
      return vector
    })
    const rows = this.#held.slice(0, honest.length)
    this.#span = new VectorSpan({ arena, kernels, rows, others: this.#held.slice(honest.length) })
    return this.#span
  }

  #memoryFor([first, ...others]: readonly Floats[]): { readonly arena: Arena; readonly kernels: Kernels } {
    const bytes = (3 * (1 + others.length) + BESIDE) * 4 * Math.max(first.length, BLOCK)
    if (this.#memory === undefined || this.#memory.arena.byteLimit < bytes) {
      const arena = Arena.create({ bytes })
      this.#memory = { arena, kernels: createKernels({ memory: arena.memory }) }
      this.#held = []
    }
    return this.#memory
  }
}
