import type { Vector } from '../vector.js'
import { normalise } from './coefficients.js'
import { MEDIAN_INPUTS, type Kernels } from './kernels.js'
import type { KernelModule } from './module.js'
import { mendOverflow } from './overflow.js'
import { selectionNetwork } from './selection-network.js'
import { SLOT_BYTES, withScratch } from './scratch.js'

const ROW_BYTES = 64
/** What a row that is above all others holds: more than any number in the order of their bits. */
const HIGHEST = 0x7fffffff
/** Steps of a network as `assembly/columns.ts` reads them. */
const KINDS = { pair: 0, sort: 1, merge: 2 } as const
/** Inputs of one pass: their addresses and weights, 4 bytes each, fill a slot of scratch. */
const PASS = SLOT_BYTES / 8

/** Where a sorting kernel finds addresses, rows and the steps that sort them. */
interface Sorting {
  readonly table: number
  readonly rows: number
  readonly network: number
  readonly networkEnd: number
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

  const networks = new Map<string, Uint16Array>()

  /** Steps, one after the other, made once: short vectors take no longer to sort than that. */
  function networkOf(n: number, [first, last]: [number, number]): Uint16Array {
    const key = `${n}:${first}:${last}`
    const known =
      networks.get(key) ??
      Uint16Array.from(
        selectionNetwork(n, first, last).flatMap(({ kind, rows }) => [
          KINDS[kind],
          ...rows.map((row) => row * ROW_BYTES)
        ])
      )
    networks.set(key, known)
    return known
  }

  /** Calls `work` with what brings the rows from `first` to `last` of the sorted inputs into place. */
  function columns(inputs: readonly Vector[], range: [number, number], work: (sorting: Sorting) => void): void {
    const steps = networkOf(inputs.length, range)
    withScratch(buffer, (table) => {
      const rows = table + MEDIAN_INPUTS * 4
      const further = rows + (MEDIAN_INPUTS + 1) * ROW_BYTES
      const network = further + MEDIAN_INPUTS * 16
      tabulate(inputs, table)
      new Int32Array(buffer, rows + inputs.length * ROW_BYTES, ROW_BYTES / 4).fill(HIGHEST)
      new Uint16Array(buffer, network, steps.length).set(steps)
      work({ table, rows, network, networkEnd: network + steps.byteLength })
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
      columns(inputs, [(n - 1) >> 1, n >> 1], ({ table, network, networkEnd, rows }) =>
        wasm.median(out.byteOffset, table, n, network, networkEnd, rows, out.length)
      )
    },
    trimmedMean(out, inputs, trim) {
      const n = inputs.length
      columns(inputs, [trim, n - 1 - trim], ({ table, network, networkEnd, rows }) =>
        wasm.trimmedMean(out.byteOffset, table, n, trim, network, networkEnd, rows, out.length)
      )
    },
    meamed(out, inputs, drop) {
      const n = inputs.length
      columns(inputs, [0, n - 1], ({ table, network, networkEnd, rows }) =>
        wasm.meamed(out.byteOffset, table, n, drop, network, networkEnd, rows, out.length)
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
