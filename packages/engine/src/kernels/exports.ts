/**
 * Functions of the WebAssembly module that assembly/ compiles to. Every address is a byte offset into the memory of
 * tfjs's back end; a `geometry` is the address of the numbers that geometry.ts writes.
 */
export interface KernelExports extends WebAssembly.Exports {
  matmul(
    rows: number,
    columns: number,
    depth: number,
    a: number,
    transposeA: number,
    b: number,
    transposeB: number,
    out: number,
    scratch: number
  ): void
  matmulScratch(rows: number, columns: number, depth: number, transposeA: number): number
  convolution(geometry: number, x: number, filter: number, y: number, scratch: number): void
  convolutionInputGradient(geometry: number, dy: number, filter: number, dx: number, scratch: number): void
  convolutionScratch(geometry: number): number
  convolutionFilterGradient(geometry: number, x: number, dy: number, dfilter: number, scratch: number): void
  convolutionFilterGradientScratch(geometry: number): number
  depthwise(geometry: number, x: number, filter: number, y: number, scratch: number): void
  depthwiseInputGradient(geometry: number, dy: number, filter: number, dx: number, scratch: number): void
  depthwiseFilterGradient(geometry: number, x: number, dy: number, dfilter: number, scratch: number): void
  depthwiseScratch(geometry: number): number
  pool(geometry: number, x: number, y: number, average: number): void
  poolGradient(geometry: number, x: number, y: number, dy: number, dx: number, average: number): void
  moments(x: number, rows: number, columns: number, mean: number, variance: number): void
  scaleShift(x: number, rows: number, columns: number, scale: number, shift: number, y: number): void
  gradientSums(x: number, dy: number, rows: number, columns: number, mean: number, sums: number): void
  combine(x: number, dy: number, rows: number, columns: number, a: number, b: number, c: number, dx: number): void
  biasClamp(y: number, rows: number, columns: number, bias: number, floor: number, ceiling: number): void
  relu(x: number, count: number, ceiling: number, y: number): void
  reluGradient(dy: number, x: number, count: number, ceiling: number, dx: number): void
  sumRows(x: number, rows: number, columns: number, scale: number, out: number): void
  segmentSum(x: number, segments: number, rows: number, columns: number, segmentCount: number, out: number): void
  copyRows(from: number, fromStride: number, to: number, toStride: number, rows: number, bytes: number): void
  repeatRows(from: number, rows: number, bytes: number, times: number, to: number): void
  reverseRows(from: number, groups: number, size: number, bytes: number, to: number): void
}
