import {
  countNonZero,
  gatherSparse,
  PeergradError,
  pluginError,
  scatterSparse,
  sparseCount,
  sparseForm,
  untouched,
  type Codec,
  type Vector,
  type VectorHandle
} from '@peergrad/core'
import { loadWords, packedBytes, type Words } from '../words.js'
import type { Jobs } from './jobs.js'
import type { JobContext } from './serve.js'

export async function pack(
  { from, codec, sparse }: Jobs['pack']['request'],
  context: JobContext
): Promise<VectorHandle | undefined> {
  return packVector(context.view(from), sparse, await loadWords(codec), context)
}

/** Handle of the packed vector; undefined when that has the very words of `input`. */
export function packVector(input: Vector, sparse: number, words: Words, context: JobContext): VectorHandle | undefined {
  const { make, handle, scratch, kernels } = context
  if (sparse === 0) {
    if (words.codec === undefined) return undefined
    const whole = make(words.count(input.length))
    encode(words.codec, input, whole, context)
    return handle(whole)
  }
  const parameters = input.subarray(0, sparse)
  const count = countNonZero(parameters)
  const form = sparseForm({ length: input.length, parameters: sparse, words: words.count }, count)
  if (!form.sparse && words.codec === undefined) return undefined
  const out = make(form.words)
  const rest = out.length - (input.length - sparse)
  if (rest < out.length) kernels.copy(out.subarray(rest), input.subarray(sparse))
  if (!form.sparse) {
    encode(words.codec, parameters, out.subarray(0, rest), context)
    return handle(out)
  }
  const [header, tail] = [new Uint32Array(out.buffer, out.byteOffset, 1 + count), out.subarray(1 + count, rest)]
  header[0] = count
  if (words.codec === undefined) gatherSparse(parameters, header.subarray(1), tail)
  else if (count > 0) {
    const values = scratch(count)
    gatherSparse(parameters, header.subarray(1), values.vector)
    encode(words.codec, values.vector, tail, context)
    values.release()
  }
  return handle(out)
}

export async function unpack(
  { from, to, codec, sparse }: Jobs['unpack']['request'],
  context: JobContext
): Promise<void> {
  const { view, scratch, kernels } = context
  const words = await loadWords(codec)
  const [input, out] = [view(from), view(to)]
  if (sparse === 0) return decode(words.codec, input, out, context)
  const count = sparseCount(input, { length: out.length, parameters: sparse, words: words.count })
  const rest = input.length - (out.length - sparse)
  if (rest < input.length) kernels.copy(out.subarray(sparse), input.subarray(rest))
  const parameters = out.subarray(0, sparse)
  if (count === undefined) return decode(words.codec, input.subarray(0, rest), parameters, context)
  const [indices, tail] = [new Uint32Array(input.buffer, input.byteOffset + 4, count), input.subarray(1 + count, rest)]
  if (words.codec === undefined || count === 0) return scatterSparse(indices, tail, parameters)
  const values = scratch(count)
  decode(words.codec, tail, values.vector, context)
  scatterSparse(indices, values.vector, parameters)
  values.release()
}

function encode(codec: Codec | undefined, input: Vector, out: Vector, { kernels }: JobContext): void {
  if (codec === undefined) return kernels.copy(out, input)
  kernels.fill(out, 0)
  const packed = bytesOf(out, packedBytes(codec, input.length))
  untouched(`codec ${codec.name}`, 'encode', [input], () => codec.encode(input, packed, kernels))
}

function decode(codec: Codec | undefined, input: Vector, out: Vector, { kernels }: JobContext): void {
  if (codec === undefined) return kernels.copy(out, input)
  kernels.fill(out, 0)
  const packed = bytesOf(input, packedBytes(codec, out.length))
  const who = `codec ${codec.name}`
  untouched(who, 'decode', [input], () => {
    try {
      return codec.decode(packed, out, kernels)
    } catch (thrown) {
      throw new PeergradError('corrupt', pluginError(who, thrown).message, { plugin: who }, { cause: thrown })
    }
  })
}

function bytesOf(vector: Vector, bytes: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(vector.buffer, vector.byteOffset, bytes)
}
