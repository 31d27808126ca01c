import type { Vector } from '../vector.js'
import { normalise } from './coefficients.js'
import { MEDIAN_INPUTS, type Kernels } from './kernels.js'
import type { KernelModule } from './module.js'
import { mendOverflow } from './overflow.js'
import { selectionNetwork } from './selection-network.js'
import { SLOT_BYTES, withScratch } from './scratch.js'

const ROW_BYTES = 64
/** Inputs of one pass: their addresses and weights, 4 bytes each, fill a slot of scratch. */
const PASS = SLOT_BYTES / 8

/** Where a sorting kernel finds addresses, rows and comparators. */
interface Sorting {
  readonly table: number
  readonly rows: number
  readonly network: number
  readonly comparators: number
}

/** The rules over n inputs. */
export function simdRules(
  wasm: KernelModule,
  buffer: SharedArrayBuffer
): Pick<Kernels, 'mean' | 'weightedMean' | 'sum' | 'median' | 'trimmedMean' | 'meamed' | 'signMajority'> {
  function tabulate(inputs: readonly Vector[], table: number): void {
    new Uint32Array(buffer, table, inputs.length).set(inputs.map((x) => x.byteOffset))
  }

  /** Calls `work` for as many inputs as one pass takes, mostly all of them. `first`: index of the first; `last`: none follow. */
  function passes(
    inputs: readonly Vector[],
    work: (pass: { table: number; first: number; n: number; last: boolean }) => void
  ): void {
    withScratch(buffer, (table) => {
      for (let first = 0; first < inputs.length; first += PASS) {
        const some = inputs.slice(first, first + PASS)
        tabulate(some, table)
        work({ table, first, n: some.length, last: first + PASS >= inputs.length })
      }
    })
  }

  /** Whether all of it is finite. */
  function sum(out: Vector, inputs: readonly Vector[], divisor: number): boolean {
    let finite = true
    passes(inputs, ({ table, first, n, last }) => {
      finite = wasm.sum(out.byteOffset, table, n, Number(first > 0), last ? divisor : 0, out.length) === 1
    })
    return finite
  }

  const networks = new Map<string, readonly number[]>()

  /** Comparators, one after the other, made once: short vectors take no longer to sort than that. */
  function networkOf(n: number, [first, last]: [number, number]): readonly number[] {
    const key = `${n}:${first}:${last}`
    const known = networks.get(key) ?? selectionNetwork(n, first, last).flat()
    networks.set(key, known)
    return known
  }

  /** Calls `work` with what brings the rows from `first` to `last` of the sorted inputs into place. */
  function columns(inputs: readonly Vector[], range: [number, number], work: (sorting: Sorting) => void): void {
    const pairs = networkOf(inputs.length, range)
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
      if (sum(out, inputs, inputs.length)) return
      mendOverflow(
        out,
        inputs,
        inputs.map(() => 1)
      )
    },
    sum: (out, inputs) => void sum(out, inputs, 0),
    weightedMean(out, inputs, weights) {
      const coefficients = normalise(weights)
      let finite = true
      passes(inputs, ({ table, first, n }) => {
        const by = table + PASS * 4
        new Float32Array(buffer, by, n).set(coefficients.slice(first, first + n))
        finite = wasm.weightedSum(out.byteOffset, table, by, n, Number(first > 0), out.length) === 1
      })
      if (!finite) mendOverflow(out, inputs, coefficients)
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
