import type { Kernels } from './kernels.js'
import type { KernelModule } from './module.js'
import { simdAverages } from './simd-averages.js'
import { simdPairs } from './simd-pairs.js'
import { simdRules } from './simd-rules.js'

/** The kernels in WebAssembly SIMD, for vectors that lie in the memory of `wasm`. */
export function simdKernels(wasm: KernelModule, buffer: SharedArrayBuffer): Kernels {
  return {
    path: 'simd',
    ...simdRules(wasm, buffer),
    ...simdAverages(wasm, buffer),
    ...simdPairs(wasm, buffer),

    copy: (out, x) => wasm.copy(out.byteOffset, x.byteOffset, x.length),
    fill: (out, value) => wasm.fill(out.byteOffset, value, out.length),
    scale: (out, x, a) => wasm.scale(out.byteOffset, x.byteOffset, a, x.length),
    axpy: (y, a, x) => wasm.axpy(y.byteOffset, a, x.byteOffset, x.length),
    above: (out, x, a, y) => wasm.above(out.byteOffset, x.byteOffset, a, y.byteOffset, x.length),

    dot: (x, y) => wasm.dot(x.byteOffset, y.byteOffset, x.length),
    squaredNorm: (x) => wasm.dot(x.byteOffset, x.byteOffset, x.length),
    squaredDistance: (x, y) => wasm.squaredDistance(x.byteOffset, y.byteOffset, x.length),
    maxAbs: (x) => wasm.maxAbs(x.byteOffset, x.length),
    firstNonFinite: (x) => wasm.firstNonFinite(x.byteOffset, x.length),

    encodeF16: (out, x) => wasm.encodeF16(out.byteOffset, x.byteOffset, x.length),
    decodeF16: (out, x) => wasm.decodeF16(out.byteOffset, x.byteOffset, x.length),
    addF16: (y, x) => wasm.addF16(y.byteOffset, x.byteOffset, x.length),
    encodeBF16: (out, x) => wasm.encodeBF16(out.byteOffset, x.byteOffset, x.length),
    decodeBF16: (out, x) => wasm.decodeBF16(out.byteOffset, x.byteOffset, x.length),
    quantiseInt8: (values, scales, x) =>
      wasm.quantiseInt8(values.byteOffset, scales.byteOffset, x.byteOffset, x.length),
    dequantiseInt8: (out, values, scales) =>
      wasm.dequantiseInt8(out.byteOffset, values.byteOffset, scales.byteOffset, out.length),

    sgd: (out, p, g, { learningRate, weightDecay }) =>
      wasm.sgd(out.byteOffset, p.byteOffset, g.byteOffset, learningRate, weightDecay, p.length) === 1,
    momentum: (out, { parameters: p, velocity: v }, g, { learningRate, weightDecay, momentum, nesterov }) =>
      wasm.momentum(
        out.parameters.byteOffset,
        out.velocity.byteOffset,
        p.byteOffset,
        v.byteOffset,
        g.byteOffset,
        learningRate,
        weightDecay,
        momentum,
        nesterov ? 1 : 0,
        p.length
      ) === 1,
    adam: (out, { parameters: p, first: m, second: v }, g, coefficients) =>
      wasm.adam(
        out.parameters.byteOffset,
        out.first.byteOffset,
        out.second.byteOffset,
        p.byteOffset,
        m.byteOffset,
        v.byteOffset,
        g.byteOffset,
        coefficients.stepSize,
        coefficients.weightDecay,
        coefficients.shrink,
        coefficients.beta1,
        coefficients.gamma1,
        coefficients.beta2,
        coefficients.gamma2,
        coefficients.correction,
        coefficients.epsilon,
        p.length
      ) === 1
  }
}
