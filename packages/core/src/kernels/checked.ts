import { PeergradError } from '../errors.js'
import type { Vector } from '../vector.js'
import { INT8_BLOCK, MEDIAN_INPUTS, type AdamVectors, type Kernels, type MomentumVectors } from './kernels.js'

/** Addresses that fit into the scratch of one call. */
const SIGN_INPUTS = 4096

type View = Float32Array | Uint16Array | Int8Array

/**
 * The same kernels with every argument checked first, so that neither path ever sees a wrong length or writes outside
 * of a vector. `buffer`: the memory that all vectors must lie in, if any.
 */
export function checked(kernels: Kernels, buffer?: SharedArrayBuffer): Kernels {
  /** One length, right memory, and outputs that overlap nothing but (where `inPlace`) the very same input. */
  function check(name: string, outputs: readonly View[], inputs: readonly View[], inPlace: boolean): void {
    const length = (outputs[0] ?? inputs[0]).length
    for (const view of [...outputs, ...inputs]) {
      if (view.length !== length) {
        throw new PeergradError(
          'shape',
          `${name}: got vectors of ${length} and ${view.length} floats, expected one length`
        )
      }
      checkMemory(name, view, buffer)
    }
    for (const [k, out] of outputs.entries()) {
      for (const input of inputs) if (!(inPlace && same(out, input))) checkApart(name, out, input)
      for (const other of outputs.slice(k + 1)) checkApart(name, out, other)
    }
  }

  /** For the rules, whose output is none of the inputs. */
  function checkRule(name: string, out: View, inputs: readonly View[], most = Infinity): void {
    if (inputs.length < 1 || inputs.length > most) {
      const range = most === Infinity ? 'at least 1' : `1 to ${most}`
      throw new PeergradError('argument', `${name}: got ${inputs.length} inputs, expected ${range}`)
    }
    check(name, [out], inputs, false)
  }

  function checkAverage(outs: readonly Vector[], inputs: readonly Vector[], weights: readonly (readonly number[])[]) {
    if (inputs.length === 0 || weights.length !== outs.length || weights.some((row) => row.length !== inputs.length)) {
      const got = `${weights.map((row) => row.length).join(', ')} weights for ${outs.length} outputs`
      const message = `average: got ${got} of ${inputs.length} inputs, expected one for each input and output`
      throw new PeergradError('argument', message)
    }
    if (outs.length > 0) check('average', outs, inputs, false)
  }

  function checkInt8(name: string, floats: View, values: View, scales: View): void {
    const blocks = Math.ceil(floats.length / INT8_BLOCK)
    if (scales.length !== blocks) {
      const message = `${name}: got ${scales.length} scales for ${floats.length} floats, expected ${blocks}`
      throw new PeergradError('shape', message)
    }
    checkMemory(name, scales, buffer)
    checkApart(name, scales, floats)
    checkApart(name, scales, values)
  }

  /** An optimiser's vectors; each output may be its own predecessor and overlaps nothing else. */
  function checkStep(name: string, outputs: readonly View[], from: readonly View[], gradient: View): void {
    check(name, outputs, [], false)
    check(name, [], [...outputs, ...from, gradient], false)
    for (const [k, out] of outputs.entries()) {
      checkApart(name, out, gradient)
      for (const [j, input] of from.entries()) if (!(j === k && same(out, input))) checkApart(name, out, input)
    }
  }

  return {
    path: kernels.path,
    mean(out, inputs) {
      checkRule('mean', out, inputs)
      kernels.mean(out, inputs)
    },
    weightedMean(out, inputs, weights) {
      checkRule('weightedMean', out, inputs)
      if (weights.length !== inputs.length) {
        const message = `weightedMean: got ${weights.length} weights for ${inputs.length} inputs, expected one each`
        throw new PeergradError('argument', message)
      }
      kernels.weightedMean(out, inputs, weights)
    },
    sum(out, inputs) {
      checkRule('sum', out, inputs)
      kernels.sum(out, inputs)
    },
    median(out, inputs) {
      checkRule('median', out, inputs, MEDIAN_INPUTS)
      kernels.median(out, inputs)
    },
    trimmedMean(out, inputs, trim) {
      checkRule('trimmedMean', out, inputs, MEDIAN_INPUTS)
      checkDropped('trimmedMean', trim, Math.ceil(inputs.length / 2) - 1)
      kernels.trimmedMean(out, inputs, trim)
    },
    meamed(out, inputs, drop) {
      checkRule('meamed', out, inputs, MEDIAN_INPUTS)
      checkDropped('meamed', drop, inputs.length - 1)
      kernels.meamed(out, inputs, drop)
    },
    signMajority(out, inputs) {
      checkRule('signMajority', out, inputs, SIGN_INPUTS)
      kernels.signMajority(out, inputs)
    },
    average(outs, inputs, weights) {
      checkAverage(outs, inputs, weights)
      kernels.average(outs, inputs, weights)
    },
    averageAndDistances(out, inputs, weights) {
      checkAverage([out], inputs, [weights])
      return kernels.averageAndDistances(out, inputs, weights)
    },
    squaredDistances(x, inputs) {
      if (inputs.length === 0) return new Float64Array()
      check('squaredDistances', [], [x, ...inputs], true)
      return kernels.squaredDistances(x, inputs)
    },
    pairDistances(inputs, part) {
      if (inputs.length === 0) return new Float64Array()
      check('pairDistances', [], inputs, true)
      return kernels.pairDistances(inputs, part)
    },
    squaredNorms(inputs) {
      if (inputs.length === 0) return new Float64Array()
      check('squaredNorms', [], inputs, true)
      return kernels.squaredNorms(inputs)
    },
    copy(out, x) {
      check('copy', [out], [x], true)
      kernels.copy(out, x)
    },
    fill(out, value) {
      check('fill', [out], [], true)
      kernels.fill(out, value)
    },
    scale(out, x, a) {
      check('scale', [out], [x], true)
      kernels.scale(out, x, a)
    },
    axpy(y, a, x) {
      check('axpy', [y], [x], true)
      kernels.axpy(y, a, x)
    },
    above(out, x, a, y) {
      check('above', [out], [x, y], true)
      kernels.above(out, x, a, y)
    },
    dot(x, y) {
      check('dot', [], [x, y], true)
      return kernels.dot(x, y)
    },
    squaredNorm(x) {
      check('squaredNorm', [], [x], true)
      return kernels.squaredNorm(x)
    },
    squaredDistance(x, y) {
      check('squaredDistance', [], [x, y], true)
      return kernels.squaredDistance(x, y)
    },
    maxAbs(x) {
      check('maxAbs', [], [x], true)
      return kernels.maxAbs(x)
    },
    firstNonFinite(x) {
      check('firstNonFinite', [], [x], true)
      return kernels.firstNonFinite(x)
    },
    encodeF16(out, x) {
      check('encodeF16', [out], [x], false)
      kernels.encodeF16(out, x)
    },
    decodeF16(out, x) {
      check('decodeF16', [out], [x], false)
      kernels.decodeF16(out, x)
    },
    addF16(y, x) {
      check('addF16', [y], [x], false)
      kernels.addF16(y, x)
    },
    encodeBF16(out, x) {
      check('encodeBF16', [out], [x], false)
      kernels.encodeBF16(out, x)
    },
    decodeBF16(out, x) {
      check('decodeBF16', [out], [x], false)
      kernels.decodeBF16(out, x)
    },
    quantiseInt8(values, scales, x) {
      check('quantiseInt8', [values], [x], false)
      checkInt8('quantiseInt8', x, values, scales)
      kernels.quantiseInt8(values, scales, x)
    },
    dequantiseInt8(out, values, scales) {
      check('dequantiseInt8', [out], [values], false)
      checkInt8('dequantiseInt8', out, values, scales)
      kernels.dequantiseInt8(out, values, scales)
    },
    sgd(out, parameters, gradient, coefficients) {
      checkStep('sgd', [out], [parameters], gradient)
      return kernels.sgd(out, parameters, gradient, coefficients)
    },
    momentum(out, from, gradient, coefficients) {
      const all = ({ parameters, velocity }: MomentumVectors) => [parameters, velocity]
      checkStep('momentum', all(out), all(from), gradient)
      return kernels.momentum(out, from, gradient, coefficients)
    },
    adam(out, from, gradient, coefficients) {
      const all = ({ parameters, first, second }: AdamVectors) => [parameters, first, second]
      checkStep('adam', all(out), all(from), gradient)
      return kernels.adam(out, from, gradient, coefficients)
    }
  }
}

function checkDropped(name: string, count: number, most: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= most) return
  throw new PeergradError('argument', `${name}: got ${count} to drop, expected a whole number from 0 to ${most}`)
}

function checkMemory(name: string, view: View, buffer: SharedArrayBuffer | undefined): void {
  if (buffer === undefined || view.buffer === buffer) return
  const message = `${name}: got a vector outside of the kernels' memory, expected one of the arena they were created on`
  throw new PeergradError('argument', message)
}

function same(a: View, b: View): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.byteLength === b.byteLength
}

function checkApart(name: string, a: View, b: View): void {
  const apart = a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset
  if (a.buffer !== b.buffer || apart) return
  throw new PeergradError('argument', `${name}: got an output that overlaps another vector, expected one apart`)
}
