import { Arena, type Vector, type VectorHandle } from '../vector.js'
import type { AdamCoefficients, Kernels, MomentumCoefficients, SgdCoefficients } from './kernels.js'
import { help, type DoPiece, type Team } from './team.js'

/** A kernel's vectors and what else it is given. */
interface Operands {
  readonly outs: readonly Vector[]
  readonly inputs: readonly Vector[]
  readonly rest: readonly unknown[]
}

/** Each coordinate of the outputs depends on that coordinate of the inputs alone. */
const PER_COORDINATE = {
  mean: (kernels, { outs: [out], inputs }) => kernels.mean(out, inputs),
  sum: (kernels, { outs: [out], inputs }) => kernels.sum(out, inputs),
  weightedMean: (kernels, { outs: [out], inputs, rest: [weights] }) =>
    kernels.weightedMean(out, inputs, weights as number[]),
  median: (kernels, { outs: [out], inputs }) => kernels.median(out, inputs),
  trimmedMean: (kernels, { outs: [out], inputs, rest: [trim] }) => kernels.trimmedMean(out, inputs, trim as number),
  meamed: (kernels, { outs: [out], inputs, rest: [drop] }) => kernels.meamed(out, inputs, drop as number),
  signMajority: (kernels, { outs: [out], inputs }) => kernels.signMajority(out, inputs),
  average: (kernels, { outs, inputs, rest: [weights] }) => kernels.average(outs, inputs, weights as number[][]),
  copy: (kernels, { outs: [out], inputs: [x] }) => kernels.copy(out, x),
  scale: (kernels, { outs: [out], inputs: [x], rest: [a] }) => kernels.scale(out, x, a as number)
} satisfies Record<string, (kernels: Kernels, operands: Operands) => void>

/** As above, and each piece says whether all that it wrote is finite. */
const STEPS = {
  sgd: (kernels, { outs: [out], inputs: [parameters, gradient], rest: [coefficients] }) =>
    kernels.sgd(out, parameters, gradient, coefficients as SgdCoefficients),
  momentum: (kernels, { outs, inputs: [parameters, velocity, gradient], rest: [coefficients] }) =>
    kernels.momentum(
      { parameters: outs[0], velocity: outs[1] },
      { parameters, velocity },
      gradient,
      coefficients as MomentumCoefficients
    ),
  adam: (kernels, { outs, inputs: [parameters, first, second, gradient], rest: [coefficients] }) =>
    kernels.adam(
      { parameters: outs[0], first: outs[1], second: outs[2] },
      { parameters, first, second },
      gradient,
      coefficients as AdamCoefficients
    )
} satisfies Record<string, (kernels: Kernels, operands: Operands) => boolean>

/** A number comes out for each input. */
const PER_INPUT = {
  squaredNorms: (kernels, { inputs }) => kernels.squaredNorms(inputs),
  squaredDistances: (kernels, { outs: [x], inputs }) => kernels.squaredDistances(x, inputs)
} satisfies Record<string, (kernels: Kernels, operands: Operands) => Float64Array>

/** A call as it crosses threads. */
interface Call {
  readonly name: keyof typeof PER_COORDINATE | keyof typeof STEPS | keyof typeof PER_INPUT | 'pairDistances'
  readonly outs: readonly VectorHandle[]
  readonly inputs: readonly VectorHandle[]
  readonly rest: readonly unknown[]
  readonly pieces: number
  /** coordinates, or inputs, of a piece but the last */
  readonly size: number
}

/** Floats to be read below which a call is over before a helper has woken up. */
const WORTH_IT = 1 << 20
/** Coordinates of a piece are a multiple of this, and so many at least. */
const COORDINATES = { step: 4096, least: 65_536 }
/** Pieces of one thread, that one which is held up does not hold up the others for long. */
const PIECES = 4
/** Distances that one kernel takes together. */
const INPUTS = 4

/**
 * The same kernels, large calls divided among the threads of a team: by coordinates, by inputs, or by pairs of inputs, so
 * that no sum is ever cut, and the bits are those of one thread.
 */
export function dividedKernels(kernels: Kernels, team: Team, memory: WebAssembly.Memory): Kernels {
  const doPiece = pieceWork(kernels, memory)

  /** Undefined when the call is for one thread. */
  function divided(
    name: Call['name'],
    { outs, inputs, rest }: Operands,
    { count, numbers, work = inputs.length * inputs[0].length }: { count: number; numbers?: number; work?: number }
  ): Float64Array | undefined {
    if (work < WORTH_IT || !rest.every(travels)) return undefined
    const { pieces, size } = sizeOf(name, count, team.size)
    if (pieces < 2) return undefined
    const call: Call = { name, outs: outs.map(handleOf), inputs: inputs.map(handleOf), rest, pieces, size }
    return team.run(call, { pieces, numbers: numbers ?? pieces }, doPiece)
  }

  function byCoordinate(
    name: keyof typeof PER_COORDINATE | keyof typeof STEPS,
    operands: Operands
  ): Float64Array | undefined {
    const { outs, inputs } = operands
    // done twice where it failed, it would not be the same in place
    if (outs.some((out) => inputs.some(({ byteOffset }) => byteOffset === out.byteOffset))) return undefined
    return divided(name, operands, { count: inputs[0].length })
  }

  function perCoordinate(name: keyof typeof PER_COORDINATE, operands: Operands): void {
    if (byCoordinate(name, operands) === undefined) PER_COORDINATE[name](kernels, operands)
  }

  function step(name: keyof typeof STEPS, operands: Operands): boolean {
    return byCoordinate(name, operands)?.every((each) => each === 1) ?? STEPS[name](kernels, operands)
  }

  function perInput(name: keyof typeof PER_INPUT, operands: Operands): Float64Array {
    const { length: n } = operands.inputs
    return divided(name, operands, { count: n, numbers: n }) ?? PER_INPUT[name](kernels, operands)
  }

  const self: Kernels = {
    ...kernels,
    mean: (out, inputs) => perCoordinate('mean', { outs: [out], inputs, rest: [] }),
    sum: (out, inputs) => perCoordinate('sum', { outs: [out], inputs, rest: [] }),
    weightedMean: (out, inputs, weights) => perCoordinate('weightedMean', { outs: [out], inputs, rest: [weights] }),
    median: (out, inputs) => perCoordinate('median', { outs: [out], inputs, rest: [] }),
    trimmedMean: (out, inputs, trim) => perCoordinate('trimmedMean', { outs: [out], inputs, rest: [trim] }),
    meamed: (out, inputs, drop) => perCoordinate('meamed', { outs: [out], inputs, rest: [drop] }),
    signMajority: (out, inputs) => perCoordinate('signMajority', { outs: [out], inputs, rest: [] }),
    average: (outs, inputs, weights) => perCoordinate('average', { outs, inputs, rest: [weights] }),
    copy: (out, x) => perCoordinate('copy', { outs: [out], inputs: [x], rest: [] }),
    scale: (out, x, a) => perCoordinate('scale', { outs: [out], inputs: [x], rest: [a] }),
    sgd: (out, parameters, gradient, coefficients) =>
      step('sgd', { outs: [out], inputs: [parameters, gradient], rest: [coefficients] }),
    momentum: (out, from, gradient, coefficients) =>
      step('momentum', {
        outs: [out.parameters, out.velocity],
        inputs: [from.parameters, from.velocity, gradient],
        rest: [coefficients]
      }),
    adam: (out, from, gradient, coefficients) =>
      step('adam', {
        outs: [out.parameters, out.first, out.second],
        inputs: [from.parameters, from.first, from.second, gradient],
        rest: [coefficients]
      }),
    squaredNorms: (inputs) => perInput('squaredNorms', { outs: [], inputs, rest: [] }),
    squaredDistances: (x, inputs) => perInput('squaredDistances', { outs: [x], inputs, rest: [] }),
    averageAndDistances(out, inputs, weights) {
      if (inputs.length * out.length < WORTH_IT) return kernels.averageAndDistances(out, inputs, weights)
      self.average([out], inputs, [weights])
      return self.squaredDistances(out, inputs)
    },
    pairDistances(inputs, part) {
      if (part !== undefined) return kernels.pairDistances(inputs, part)
      const n = inputs.length
      const pairs = (n * (n - 1)) / 2
      const division = { count: pairs, numbers: n * n, work: pairs * inputs[0].length }
      return divided('pairDistances', { outs: [], inputs, rest: [] }, division) ?? kernels.pairDistances(inputs)
    }
  }
  return self
}

/** A helper's whole life. */
export function helpKernels(kernels: Kernels, memory: WebAssembly.Memory, control: SharedArrayBuffer): never {
  return help(control, pieceWork(kernels, memory))
}

function pieceWork(kernels: Kernels, memory: WebAssembly.Memory): DoPiece<Call> {
  const arena = Arena.attach(memory)
  const view = (handle: VectorHandle) => arena.view(handle)
  return ({ name, outs, inputs, rest, pieces, size }, piece, numbers) => {
    const [from, to] = [piece * size, (piece + 1) * size]
    if (name === 'pairDistances') {
      // other pieces have the other pairs
      const distances = kernels.pairDistances(inputs.map(view), { index: piece, of: pieces })
      for (const [at, distance] of distances.entries()) if (distance !== 0) numbers[at] = distance
    } else if (name in PER_INPUT) {
      const some = inputs.slice(from, to).map(view)
      numbers.set(
        PER_INPUT[name as keyof typeof PER_INPUT](kernels, { outs: outs.map(view), inputs: some, rest }),
        from
      )
    } else {
      const cut = (handle: VectorHandle) => view(handle).subarray(from, to)
      const operands = { outs: outs.map(cut), inputs: inputs.map(cut), rest }
      if (name in STEPS) numbers[piece] = Number(STEPS[name as keyof typeof STEPS](kernels, operands))
      else PER_COORDINATE[name as keyof typeof PER_COORDINATE](kernels, operands)
    }
  }
}

function sizeOf(name: Call['name'], count: number, threads: number): Pick<Call, 'pieces' | 'size'> {
  // a piece reads all that it needs of memory by itself, so these are as few as there are threads
  if (name === 'pairDistances') return { pieces: Math.min(threads, count), size: 0 }
  const size =
    name in PER_INPUT
      ? INPUTS * Math.ceil(count / threads / INPUTS)
      : COORDINATES.step * Math.ceil(Math.max(COORDINATES.least, count / threads / PIECES) / COORDINATES.step)
  return { pieces: Math.ceil(count / size), size }
}

/** JSON has it as it is. */
function travels(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return false
  if (typeof value === 'object' && value !== null) return Object.values(value).every(travels)
  return typeof value === 'boolean' || (Number.isFinite(value) && !Object.is(value, -0))
}

function handleOf({ byteOffset, length }: Vector): VectorHandle {
  return { byteOffset, length }
}
