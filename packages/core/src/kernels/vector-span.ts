import { PeergradError } from '../errors.js'
import type { Arena, Vector } from '../vector.js'
import { float64Kernels } from './float64.js'
import type { RuleKernels } from './kernels.js'

/** Results of kernels per coordinate that are kept. */
const KEPT = 4
/** Floats of a block: that many of 16 rows stay in the second-level cache. */
const BLOCK = 8192
/** Digits in which coefficients are alike that differ by rounding. */
const DIGITS = 12

interface VectorSpanInit {
  /** where the vectors lie, and what is made of them; this thread must have created it */
  readonly arena: Arena
  /** on the memory of that arena */
  readonly kernels: RuleKernels
  /** one at least, of one length d */
  readonly rows: readonly Vector[]
  /** more vectors of that length */
  readonly others: readonly Vector[]
}

/**
 * The vectors that are sums of a few, each as its coefficients: `width` numbers of float64 in the place of d. `kernels` work
 * on them as on vectors: what is linear on the coefficients, distances by the Gram matrix of the few. What is per coordinate
 * (median, trimmed mean, Meamed, majority of signs) is made of d numbers block by block, and is one more of the few.
 *
 * So a rule that works by kernels alone is tried on many candidates for a pass over n·d each, or none. What comes out is what
 * the rule gives but for rounding, some 1e-7 of it.
 */
export class VectorSpan {
  readonly width: number
  readonly kernels: RuleKernels
  /** coefficients of the mean of the rows */
  readonly mean: Vector
  readonly #init: VectorSpanInit
  /** rows, others, the mean of the rows, results */
  readonly #vectors: Vector[]
  readonly #made: Vector[] = []
  /** Gram matrix; NaN where nobody asked yet */
  readonly #products: Float64Array
  /** places of results by what they were made of, the oldest first */
  readonly #results = new Map<string, number>()

  constructor(init: VectorSpanInit) {
    const { rows, others, kernels } = init
    this.#init = init
    this.#vectors = [...rows, ...others]
    const mean = this.#allocate(rows[0].length)
    kernels.mean(mean, rows)
    this.#vectors.push(mean)
    this.width = this.#vectors.length + KEPT
    this.#products = new Float64Array(this.width ** 2).fill(NaN)
    this.mean = this.unit(this.#vectors.length - 1)
    this.kernels = this.#kernels()
  }

  /** Coefficients of one of the vectors: of the rows, then of the others. */
  unit(place: number): Vector {
    const coefficients = this.zero()
    coefficients[place] = 1
    return coefficients
  }

  /** Whoever works with `kernels` alone may take coefficients for a vector. */
  zero(): Vector {
    const numbers: ArrayBufferView = new Float64Array(this.width)
    return numbers as Vector
  }

  /** Gives back what was made. */
  close(): void {
    for (const vector of this.#made.splice(0)) this.#init.arena.free(vector)
  }

  #allocate(length: number): Vector {
    const vector = this.#init.arena.allocate(length)
    this.#made.push(vector)
    return vector
  }

  #kernels(): RuleKernels {
    const { kernels } = this.#init
    const difference = this.zero()
    const distance = (x: Vector, y: Vector) => {
      for (let i = 0; i < this.width; i++) difference[i] = x[i] - y[i]
      return Math.max(0, this.#dot(difference, difference))
    }
    const squaredNorm = (x: Vector) => Math.max(0, this.#dot(x, x))
    const distances = (x: Vector, inputs: readonly Vector[]) => Float64Array.from(inputs, (y) => distance(x, y))
    const trimmedMean: RuleKernels['trimmedMean'] = (out, inputs, trim) => {
      const alike = (x: Vector) => inputs.filter((y) => x.every((value, i) => value === y[i])).length
      // the few others are at the ends of every coordinate
      const common = inputs.find((x) => alike(x) >= inputs.length - trim)
      if (common !== undefined) out.set(common)
      else this.#make(`trimmed:${trim}`, out, inputs, (to, from) => kernels.trimmedMean(to, from, trim))
    }
    return {
      ...linear,
      dot: (x, y) => this.#dot(x, y),
      squaredNorm,
      squaredNorms: (inputs) => Float64Array.from(inputs, squaredNorm),
      squaredDistance: distance,
      squaredDistances: distances,
      pairDistances(inputs) {
        const n = inputs.length
        const all = new Float64Array(n * n)
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < i; j++) all[i * n + j] = all[j * n + i] = distance(inputs[i], inputs[j])
        }
        return all
      },
      averageAndDistances(out, inputs, weights) {
        float64Kernels.average([out], inputs, [weights])
        return distances(out, inputs)
      },
      median: (out, inputs) => trimmedMean(out, inputs, (inputs.length - 1) >> 1),
      trimmedMean,
      meamed: (out, inputs, drop) =>
        this.#make(`meamed:${drop}`, out, inputs, (to, from) => kernels.meamed(to, from, drop)),
      signMajority: (out, inputs) => this.#make('signs', out, inputs, (to, from) => kernels.signMajority(to, from)),
      fill: (out, value) => (value === 0 ? void out.fill(0) : unsupported('fill')),
      above: () => unsupported('above'),
      maxAbs: () => unsupported('maxAbs')
    }
  }

  #dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
    let sum = 0
    for (let i = 0; i < this.width; i++) {
      if (x[i] === 0) continue
      for (let j = 0; j < this.width; j++) if (y[j] !== 0) sum += x[i] * y[j] * this.#product(i, j)
    }
    return sum
  }

  #product(i: number, j: number): number {
    const at = i * this.width + j
    if (Number.isNaN(this.#products[at])) {
      const product = this.#init.kernels.dot(this.#vectors[i], this.#vectors[j])
      this.#products[at] = this.#products[j * this.width + i] = product
    }
    return this.#products[at]
  }

  /** out ← what a kernel makes of each coordinate of the inputs, made once of inputs that differ by rounding alone. */
  #make(
    name: string,
    out: Vector,
    inputs: readonly Vector[],
    work: (out: Vector, inputs: readonly Vector[]) => void
  ): void {
    const key = [name, ...inputs.map((each) => Array.from(each, (value) => value.toPrecision(DIGITS)).join())].join(';')
    let place = this.#results.get(key)
    if (place === undefined) {
      place = this.#vacant()
      this.#write(this.#vectors[place], inputs, work)
      this.#results.set(key, place)
    }
    out.fill(0)
    out[place] = 1
  }

  /** A place for a result: a new one, or that of the oldest. */
  #vacant(): number {
    if (this.#vectors.length < this.width) {
      this.#vectors.push(this.#allocate(this.#vectors[0].length))
      return this.#vectors.length - 1
    }
    const [[key, place]] = this.#results
    this.#results.delete(key)
    for (let i = 0; i < this.width; i++)
      this.#products[place * this.width + i] = this.#products[i * this.width + place] = NaN
    return place
  }

  #write(out: Vector, inputs: readonly Vector[], work: (out: Vector, inputs: readonly Vector[]) => void): void {
    const sums = new Map<string, Sum>()
    const size = Math.min(BLOCK, out.length)
    const each = inputs.map((coefficients) => {
      const key = coefficients.join()
      const sum = sums.get(key) ?? { terms: this.#terms(coefficients), block: this.#init.arena.allocate(size) }
      sums.set(key, sum)
      return sum
    })
    for (let start = 0; start < out.length; start += size) {
      const end = Math.min(out.length, start + size)
      for (const sum of sums.values()) this.#add(sum, start, end)
      work(
        out.subarray(start, end),
        each.map(({ block }) => block.subarray(0, end - start))
      )
    }
    for (const { block } of sums.values()) this.#init.arena.free(block)
  }

  /** Factors by place, as few as may be: what most of the rows have in common is had from their mean. */
  #terms(coefficients: Vector): Sum['terms'] {
    const { length } = this.#init.rows
    const factors = Float64Array.from(coefficients)
    const rows = factors.subarray(0, length)
    const count = (value: number) => rows.filter((each) => each === value).length
    const common = rows.reduce((best, value) => (count(value) > count(best) ? value : best), rows[0])
    if (common !== 0 && count(common) > 1) {
      for (let i = 0; i < length; i++) rows[i] -= common
      factors[length + this.#init.others.length] += common * length
    }
    return Array.from(factors, (factor, place) => ({ factor, place })).filter(({ factor }) => factor !== 0)
  }

  #add({ terms: [first, ...others], block }: Sum, start: number, end: number): void {
    const { kernels } = this.#init
    const out = block.subarray(0, end - start)
    const part = (place: number) => this.#vectors[place].subarray(start, end)
    if (first === undefined) return kernels.fill(out, 0)
    kernels.scale(out, part(first.place), first.factor)
    for (const { place, factor } of others) kernels.axpy(out, factor, part(place))
  }
}

/** What is the same for coefficients. A kernel that is in neither list does not compile. */
const linear: Pick<
  RuleKernels,
  'mean' | 'weightedMean' | 'sum' | 'average' | 'copy' | 'scale' | 'axpy' | 'firstNonFinite'
> = float64Kernels

/** Σ factor·vector, and where a block of it is written. */
interface Sum {
  readonly terms: readonly { readonly place: number; readonly factor: number }[]
  readonly block: Vector
}

function unsupported(kernel: string): never {
  const message = `span: got ${kernel}, which coefficients do not tell; expected a rule of averages, distances and columns`
  throw new PeergradError('unsupported', message, { kernel })
}
