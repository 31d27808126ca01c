import type { Vector } from '../vector.js'
import { normalise } from './coefficients.js'
import { MEDIAN_INPUTS, type Kernels } from './kernels.js'
import type { KernelModule } from './module.js'
import { selectionNetwork } from './selection-network.js'
import { withScratch } from './scratch.js'

const BLOCK = 4096
const ROW_BYTES = 64

/** Inputs k to k + 3 of one block, as addresses in bytes. */
interface Four {
  readonly k: number
  /** no inputs after these */
  readonly last: boolean
  readonly out: number
  readonly in: readonly [number, number, number, number]
  /** floats of the block */
  readonly count: number
}

/** Where a sorting kernel finds addresses, rows and comparators. */
interface Sorting {
  readonly table: number
  readonly rows: number
  readonly network: number
  readonly comparators: number
}

/**
 * The rules over n inputs. Blocks of 16 KiB of the output, which stay in the first-level cache while the inputs pass
 * four at a time. What is missing to a multiple of four is a block of −0, for x + −0 is x, to the bit, for every x.
 */
export function simdRules(
  wasm: KernelModule,
  buffer: SharedArrayBuffer
): Pick<Kernels, 'mean' | 'weightedMean' | 'sum' | 'median' | 'trimmedMean' | 'meamed' | 'signMajority'> {
  /** Calls `work` for each four inputs of each block. */
  function fours(out: Vector, inputs: readonly Vector[], work: (four: Four) => void): void {
    const at = inputs.map((x) => x.byteOffset)
    const pass = (zeros: number) => {
      for (let start = 0; start < out.length; start += BLOCK) {
        const count = Math.min(BLOCK, out.length - start)
        const input = (k: number) => (k < at.length ? at[k] + start * 4 : zeros)
        for (let k = 0; k < at.length; k += 4) {
          const last = k + 4 >= at.length
          work({
            k,
            last,
            count,
            out: out.byteOffset + start * 4,
            in: [input(k), input(k + 1), input(k + 2), input(k + 3)]
          })
        }
      }
    }
    if (at.length % 4 === 0) return pass(0)
    withScratch(buffer, (zeros) => {
      wasm.fill(zeros, -0, BLOCK)
      pass(zeros)
    })
  }

  function tabulate(inputs: readonly Vector[], table: number): void {
    new Uint32Array(buffer, table, inputs.length).set(inputs.map((x) => x.byteOffset))
  }

  /** Calls `work` with what brings the rows from `first` to `last` of the sorted inputs into place. */
  function columns(inputs: readonly Vector[], [first, last]: [number, number], work: (sorting: Sorting) => void): void {
    const pairs = selectionNetwork(inputs.length, first, last).flat()
    withScratch(buffer, (table) => {
      const rows = table + MEDIAN_INPUTS * 4
      const network = rows + MEDIAN_INPUTS * ROW_BYTES
      tabulate(inputs, table)
      new Uint16Array(buffer, network, pairs.length).set(pairs.map((row) => row * ROW_BYTES))
      work({ table, rows, network, comparators: pairs.length / 2 })
    })
  }

  return {
    mean(out, inputs) {
      fours(out, inputs, ({ k, last, count, out: o, in: [a, b, c, d] }) => {
        if (k === 0 && last) wasm.mean4(o, a, b, c, d, count, inputs.length)
        else if (k === 0) wasm.sum4(o, a, b, c, d, count)
        else if (last) wasm.addMean4(o, a, b, c, d, count, inputs.length)
        else wasm.addSum4(o, a, b, c, d, count)
      })
    },
    sum(out, inputs) {
      fours(out, inputs, ({ k, count, out: o, in: [a, b, c, d] }) => {
        if (k === 0) wasm.sum4(o, a, b, c, d, count)
        else wasm.addSum4(o, a, b, c, d, count)
      })
    },
    weightedMean(out, inputs, weights) {
      const w = normalise(weights)
      const weight = (k: number) => (k < w.length ? w[k] : 1)
      fours(out, inputs, ({ k, count, out: o, in: [a, b, c, d] }) => {
        if (k === 0) wasm.fill(o, -0, count)
        wasm.axpy4(o, a, b, c, d, weight(k), weight(k + 1), weight(k + 2), weight(k + 3), count)
      })
    },

    median(out, inputs) {
      const n = inputs.length
      columns(inputs, [(n - 1) >> 1, n >> 1], ({ table, network, comparators, rows }) =>
        wasm.median(out.byteOffset, table, n, network, comparators, rows, out.length)
      )
    },
    trimmedMean(out, inputs, trim) {
      const n = inputs.length
      columns(inputs, [trim, n - 1 - trim], ({ table, network, comparators, rows }) =>
        wasm.trimmedMean(out.byteOffset, table, n, trim, network, comparators, rows, out.length)
      )
    },
    meamed(out, inputs, drop) {
      const n = inputs.length
      columns(inputs, [0, n - 1], ({ table, network, comparators, rows }) =>
        wasm.meamed(out.byteOffset, table, n, drop, network, comparators, rows, out.length)
      )
    },
    signMajority(out, inputs) {
      withScratch(buffer, (table) => {
        tabulate(inputs, table)
        wasm.signMajority(out.byteOffset, table, inputs.length, out.length)
      })
    }
  }
}
