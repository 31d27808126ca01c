import { MODULE_BASE64 } from './module.generated.js'

/** `dropped`: how many rows of one end, or of both. */
type SortingKernel = (
  ...args: [
    ...vectors: [out: number, inputs: number, n: number, dropped: number],
    ...scratch: [network: number, networkEnd: number, rows: number],
    count: number
  ]
) => void

/** What assembly/index.ts exports: addresses in bytes, counts in elements. */
export type KernelModule = {
  readonly sum: (
    ...args: [out: number, inputs: number, n: number, more: number, divisor: number, count: number]
  ) => number
  readonly weightedSum: (
    ...args: [out: number, inputs: number, weights: number, n: number, more: number, count: number]
  ) => number
  readonly copy: (out: number, x: number, count: number) => void
  readonly fill: (out: number, value: number, count: number) => void
  readonly scale: (out: number, x: number, a: number, count: number) => void
  readonly axpy: (y: number, a: number, x: number, count: number) => void
  readonly above: (out: number, x: number, a: number, y: number, count: number) => void
  readonly dot: (x: number, y: number, count: number) => number
  readonly squaredDistance: (x: number, y: number, count: number) => number
  readonly maxAbs: (x: number, count: number) => number
  readonly firstNonFinite: (x: number, count: number) => number
  readonly encodeF16: (out: number, x: number, count: number) => void
  readonly decodeF16: (out: number, x: number, count: number) => void
  readonly addF16: (y: number, x: number, count: number) => void
  readonly encodeBF16: (out: number, x: number, count: number) => void
  readonly decodeBF16: (out: number, x: number, count: number) => void
  readonly quantiseInt8: (values: number, scales: number, x: number, count: number) => void
  readonly dequantiseInt8: (out: number, values: number, scales: number, count: number) => void
  readonly median: (
    ...args: [out: number, inputs: number, n: number, network: number, networkEnd: number, rows: number, count: number]
  ) => void
  readonly trimmedMean: SortingKernel
  readonly meamed: SortingKernel
  readonly signMajority: (out: number, inputs: number, n: number, count: number) => void
  readonly addWeighted4: (
    ...args: [
      ...sums: [acc: number, a: number, b: number, c: number, d: number],
      ...weights: [p: number, q: number, r: number, s: number],
      fresh: number,
      count: number
    ]
  ) => void
  readonly divideRounded: (out: number, acc: number, divisor: number, count: number) => void
  readonly addDistances4: (
    ...args: [sums: number, x: number, a: number, b: number, c: number, d: number, count: number]
  ) => void
  readonly widen: (inputs: number, blocks: number, n: number, at: number, count: number) => void
  readonly meanOfBlocks: (out: number, blocks: number, n: number, divisor: number, count: number) => void
  readonly addTiles: (tiles: number, n: number, sums: number, count: number) => void
  readonly addPairs: (groups: number, n: number, sums: number, count: number) => void
  readonly sgd: (out: number, p: number, g: number, alpha: number, lambda: number, count: number) => number
  readonly momentum: (
    ...args: [
      ...vectors: [out: number, outV: number, p: number, v: number, g: number],
      ...coefficients: [alpha: number, lambda: number, mu: number, nesterov: number],
      count: number
    ]
  ) => number
  readonly adam: (
    ...args: [
      ...vectors: [out: number, outM: number, outV: number, p: number, m: number, v: number, g: number],
      ...decay: [alpha: number, lambda: number, kappa: number],
      ...moments: [beta1: number, gamma1: number, beta2: number, gamma2: number, sigma: number, epsilon: number],
      count: number
    ]
  ) => number
}

let compiled: WebAssembly.Module | undefined

/**
 * The kernels on a shared memory of this thread; compiled once a thread. Throws what WebAssembly throws where there is
 * no SIMD, or where a browser's main thread refuses to compile 8 KB synchronously.
 */
export function instantiate(memory: WebAssembly.Memory): KernelModule {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(MODULE_BASE64), (character) => character.charCodeAt(0)))
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as KernelModule
}
