import { createKernels, type Vector } from '@peergrad/core'

export interface TwinResult {
  readonly type: 'FLOAT' | 'INT64'
  readonly bytes: Uint8Array
}

type Twin = (tensors: Vector[], args: readonly string[]) => TwinResult[]

const kernels = createKernels({ path: 'scalar' })

/** What each entry point of the driver's script does, in JavaScript. */
export const TWINS: Readonly<Record<string, Twin>> = {
  average: (tensors) => [floats(mean(tensors))],
  mean: (tensors) => judged(tensors, mean(tensors)),
  sgd: ([state, gradient], args) => {
    const [parameters, learningRate, weightDecay] = numbers(args, 3)
    const out = copy(gradient!)
    const part = head(parameters)
    kernels.sgd(part(out), part(state!), part(gradient!), { learningRate, weightDecay })
    return [floats(out), verdict([gradient!, out])]
  },
  momentum: ([state, gradient, velocity], args) => {
    const [parameters, learningRate, weightDecay, momentum, nesterov] = numbers(args, 5)
    const out = copy(gradient!)
    const next = vector(parameters)
    const part = head(parameters)
    kernels.momentum(
      { parameters: part(out), velocity: next },
      { parameters: part(state!), velocity: velocity ?? vector(parameters) },
      part(gradient!),
      { learningRate, weightDecay, momentum, nesterov: nesterov === 1 }
    )
    return [floats(out), floats(next), verdict([gradient!, out, next])]
  },
  adam: ([state, gradient, first, second], args) => {
    const [parameters, stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon] = numbers(
      args,
      10
    )
    const out = copy(gradient!)
    const [m, v] = [vector(parameters), vector(parameters)]
    const part = head(parameters)
    kernels.adam(
      { parameters: part(out), first: m, second: v },
      { parameters: part(state!), first: first ?? vector(parameters), second: second ?? vector(parameters) },
      part(gradient!),
      { stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon }
    )
    return [floats(out), floats(m), floats(v), verdict([gradient!, out, m, v])]
  }
}

export function vector(length: number): Vector {
  return new Float32Array(new SharedArrayBuffer(4 * length))
}

function copy(x: Vector): Vector {
  const out = vector(x.length)
  out.set(x)
  return out
}

function head(parameters: number) {
  return (x: Vector) => x.subarray(0, parameters)
}

function mean(tensors: Vector[]): Vector {
  const out = vector(tensors[0]!.length)
  kernels.mean(out, tensors)
  return out
}

function judged(tensors: Vector[], out: Vector): TwinResult[] {
  return [floats(out), verdict([...tensors, out])]
}

function verdict(vectors: Vector[]): TwinResult {
  return integers(vectors.map((x) => kernels.firstNonFinite(x)))
}

/** As Python reads them: an argument too few is an index error there. */
function numbers<N extends number>(args: readonly string[], count: N): number[] & { length: N } {
  if (args.length < count) throw new Error('list index out of range')
  return args.slice(0, count).map(Number) as number[] & { length: N }
}

function bytes(x: Vector): Uint8Array {
  return new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
}

function floats(x: Vector): TwinResult {
  return { type: 'FLOAT', bytes: bytes(x) }
}

function integers(values: number[]): TwinResult {
  return { type: 'INT64', bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) }
}
