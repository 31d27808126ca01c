// The strict kernels in WebAssembly SIMD, for AssemblyScript. What each one computes is said in
// ../src/kernels/kernels.ts. Addresses in bytes, counts in elements; no allocation, no data segment, no state.
export { sum, weightedSum } from './sums'
export { above, axpy, copy, fill, scale } from './elementwise'
export { dot, firstNonFinite, maxAbs, squaredDistance } from './reductions'
export { addF16, decodeBF16, decodeF16, encodeBF16, encodeF16 } from './half'
export { dequantiseInt8, quantiseInt8 } from './int8'
export { meamed, median, signMajority, trimmedMean } from './columns'
export { addDistances4, addWeighted4, divideRounded } from './averages'
export { addPairs, addTiles, meanOfBlocks, widen } from './widened'
export { adam, momentum, sgd } from './optimisers'
