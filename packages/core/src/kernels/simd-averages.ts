import type { Vector } from '../vector.js'
import type { RuleKernels } from './kernels.js'
import type { KernelModule } from './module.js'
import { SLOT_BYTES, withScratch } from './scratch.js'
import { membersOf, type Members } from './weights.js'
import { WIDENED, withWidened } from './widened-blocks.js'

/** Floats of a block: that many of 16 inputs stay in the second-level cache, the float64 sums of one in the first. */
const BLOCK = 1024
/** Bytes of the sums of four distances. */
const SUMS_BYTES = 16 * 8
/** Quads whose sums fit into one slot of scratch. */
const QUADS = SLOT_BYTES / SUMS_BYTES

/** Four distances from one vector; addresses in bytes, the last one repeated where there are fewer than four. */
interface Quad {
  readonly x: number
  readonly others: readonly [number, number, number, number]
  /** where the distances go, of each that is asked for */
  readonly to: readonly number[]
}

type Pass = (start: number, count: number) => void

/** Weighted averages and squared distances, block by block, so that what one kernel needs twice is read once. */
export function simdAverages(
  wasm: KernelModule,
  buffer: SharedArrayBuffer
): Pick<RuleKernels, 'average' | 'averageAndDistances' | 'squaredDistances' | 'squaredNorms'> {
  function blocks(length: number, pass: Pass): void {
    for (let start = 0; start < length; start += BLOCK) pass(start, Math.min(BLOCK, length - start))
  }

  /** Hands out what averages a block. */
  function averaging(work: (add: (out: number, members: Members, inputs: readonly number[]) => Pass) => void): void {
    withScratch(buffer, (sums) => {
      const none = sums + BLOCK * 8
      wasm.fill(none, -0, BLOCK)
      work((out, { indices, weights, total }, inputs) => {
        const at = (k: number, offset: number) => (k < indices.length ? inputs[indices[k]] + offset : none)
        const weight = (k: number) => (k < weights.length ? weights[k] : 1)
        return (start, count) => {
          const offset = start * 4
          for (let k = 0; k < indices.length; k += 4) {
            const [a, b, c, d] = [at(k, offset), at(k + 1, offset), at(k + 2, offset), at(k + 3, offset)]
            const [p, q, r, s] = [weight(k), weight(k + 1), weight(k + 2), weight(k + 3)]
            wasm.addWeighted4(sums, a, b, c, d, p, q, r, s, k === 0 ? 1 : 0, count)
          }
          wasm.divideRounded(out + offset, sums, total, count)
        }
      })
    })
  }

  /** Means of several sets of inputs, each of which is read and widened once for all of them. */
  function averageSets(outs: readonly Vector[], inputs: readonly Vector[], sets: readonly Members[]): void {
    withWidened({ wasm, buffer }, inputs, 0, ({ blocks, words, each }) => {
      const tables = sets.map(({ indices }) => words(indices.map((index) => blocks[index])))
      each((bytes, count) => {
        for (const [k, { byteOffset }] of outs.entries()) {
          const { indices, total } = sets[k]
          wasm.meanOfBlocks(byteOffset + bytes, tables[k], indices.length, total, count)
        }
      })
    })
  }

  /** Hands out what adds a block to the sums of at most QUADS quads, and writes their distances when `work` is done. */
  function measuring(quads: readonly Quad[], distances: Float64Array, work: (add: Pass) => void): void {
    withScratch(buffer, (at) => {
      const sums = new Float64Array(buffer, at, quads.length * 16).fill(0)
      work((start, count) => {
        const offset = start * 4
        for (const [q, { x, others }] of quads.entries()) {
          const [a, b, c, d] = others
          wasm.addDistances4(at + q * SUMS_BYTES, x + offset, a + offset, b + offset, c + offset, d + offset, count)
        }
      })
      for (const [q, { to }] of quads.entries()) {
        for (const [k, index] of to.entries()) {
          const [s0, s1, s2, s3] = sums.subarray(q * 16 + k * 4, q * 16 + k * 4 + 4)
          distances[index] = s0 + s1 + (s2 + s3)
        }
      }
    })
  }

  /** One pass over memory for each QUADS quads. */
  function measure(quads: readonly Quad[], length: number, distances: Float64Array): Float64Array {
    for (let first = 0; first < quads.length; first += QUADS) {
      measuring(quads.slice(first, first + QUADS), distances, (add) => blocks(length, add))
    }
    return distances
  }

  return {
    average(outs, inputs, weights) {
      const rows = weights.map(membersOf)
      const means = rows.every((row) => row.weights.every((weight) => weight === 1))
      const few = outs.length <= WIDENED && inputs.length <= WIDENED
      if (means && few && outs.length > 1) return averageSets(outs, inputs, rows)
      const at = inputs.map((x) => x.byteOffset)
      averaging((add) => {
        const passes = outs.map((out, k) => add(out.byteOffset, rows[k], at))
        blocks(inputs[0].length, (start, count) => {
          for (const pass of passes) pass(start, count)
        })
      })
    },
    averageAndDistances(out, inputs, weights) {
      const quads = quadsOf(out, inputs)
      const distances = new Float64Array(inputs.length)
      averaging((add) => {
        const at = inputs.map((x) => x.byteOffset)
        const average = add(out.byteOffset, membersOf(weights), at)
        const first = quads.slice(0, QUADS)
        measuring(first, distances, (addDistances) =>
          blocks(out.length, (start, count) => {
            average(start, count)
            addDistances(start, count)
          })
        )
      })
      return measure(quads.slice(QUADS), out.length, distances)
    },
    squaredDistances: (x, inputs) => measure(quadsOf(x, inputs), x.length, new Float64Array(inputs.length)),
    squaredNorms: (inputs) => Float64Array.from(inputs, (x) => wasm.dot(x.byteOffset, x.byteOffset, x.length))
  }
}

/** The distances from x to all others. */
function quadsOf(x: Vector, others: readonly Vector[]): Quad[] {
  const quads: Quad[] = []
  for (let k = 0; k < others.length; k += 4) {
    const four = others.slice(k, k + 4)
    const at = (i: number) => four[Math.min(i, four.length - 1)].byteOffset
    const to = four.map((_, i) => k + i)
    quads.push({ x: x.byteOffset, others: [at(0), at(1), at(2), at(3)], to })
  }
  return quads
}
