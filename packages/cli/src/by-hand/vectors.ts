import { createKernels, float64Kernels, PeergradError, shown, type RuleKernels, type Vector } from '@peergrad/core'
import type { Document } from './document.js'

/** Of what is larger, fourth powers are no numbers of float64 any more, and rules that go by distances would choose wrong. */
const LARGEST = 1e70

/** Vectors of a document, and what works on them in its precision. */
export interface Numbers {
  readonly vectors: readonly Vector[]
  readonly kernels: RuleKernels
  /** One more, of zeros. */
  allocate(length: number): Vector
}

/**
 * The list of lists under a field, as float32 or, where the document says `"dtype": "float64"`, as float64. Errors: `argument`
 * for what is no number or not finite in that precision, `shape` unless all lists have one length from 1.
 */
export function vectorsOf(document: Document, field: string): Numbers {
  const precision = precisionOf(document)
  const rows = document[field]
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(Array.isArray)) {
    throw new PeergradError('argument', `${field}: got ${shown(rows)}, expected a list of lists of numbers`)
  }
  const lists = rows as unknown[][]
  const [{ length }] = lists
  const vectors = lists.map((row, k) => {
    if (row.length === length && length > 0) return filled(row, precision, field, ` of list ${k}`)
    const message = `${field}: got ${row.length} numbers in list ${k}, expected ${Math.max(length, 1)} in each`
    throw new PeergradError('shape', message)
  })
  return { kernels: precision.kernels, allocate: precision.allocate, vectors }
}

/** The one list under a field; its precision and errors as those of `vectorsOf`. */
export function vectorOf(document: Document, field: string): Vector {
  const row = document[field]
  if (Array.isArray(row)) return filled(row, precisionOf(document), field, '')
  throw new PeergradError('argument', `${field}: got ${shown(row)}, expected a list of numbers`)
}

function filled(row: readonly unknown[], { allocate, largest }: Precision, field: string, where: string): Vector {
  const vector = allocate(row.length)
  for (const [i, value] of row.entries()) {
    if (typeof value === 'number') vector[i] = value
    if (typeof value === 'number' && Number.isFinite(vector[i]) && Math.abs(value) <= LARGEST) continue
    const message = `${field}: got ${shown(value)} at ${i}${where}, expected a finite number of ${largest}`
    throw new PeergradError('argument', message)
  }
  return vector
}

/**
 * A result as a document says it. Error `non-finite` where a plug-in of a user's, `by`, gave what is no number; `argument` where
 * one of ours has none in the precision of its inputs.
 */
export function written(vector: Vector, by?: string): number[] {
  const at = vector.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return [...vector]
  if (by !== undefined) {
    const message = `the result of ${by} holds ${vector[at]} at ${at}, expected finite numbers only`
    throw new PeergradError('non-finite', message, { plugin: by, index: at })
  }
  const message = `output: got ${vector[at]} at ${at}, expected finite numbers; the inputs are too large for this precision`
  throw new PeergradError('argument', message)
}

/** `largest` says what a number may be. */
interface Precision extends Pick<Numbers, 'kernels' | 'allocate'> {
  readonly largest: string
}

function precisionOf(document: Document): Precision {
  const dtype = document['dtype'] ?? 'float32'
  if (dtype === 'float32') {
    return {
      kernels: createKernels(),
      allocate: (length) => new Float32Array(new SharedArrayBuffer(length * 4)),
      largest: `3.4028235e+38 at most, or ${LARGEST} with "dtype": "float64"`
    }
  }
  if (dtype === 'float64') {
    return { kernels: float64Kernels, allocate: doubles, largest: `${LARGEST} at most` }
  }
  throw new PeergradError('argument', `dtype: got ${shown(dtype)}, expected "float32" or "float64"`)
}

/** Whoever works with `float64Kernels` alone may take it for a vector. */
function doubles(length: number): Vector {
  const numbers: ArrayBufferView = new Float64Array(length)
  return numbers as Vector
}
