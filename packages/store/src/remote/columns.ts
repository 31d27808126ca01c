import { PeergradError, type Arena, type Vector } from '@peergrad/core'
import { allOf } from '../all-of.js'
import type { Slab } from '../slabs.js'
import type { RemoteTensor } from './remote-tensor.js'
import type { PartedVectors, WritePart } from './vectors.js'

/** Bytes of the columns that are here at once, the parts of all vectors together. */
const BYTES = 24 << 20
/** Columns that are here at once, at most: while one is worked on, others come and go. */
const LANES = 3
/** Floats of a part, which is one message: other clients of the server bear the most; of less there is one column at a time. */
const [LEAST, MOST] = [1 << 14, 1 << 18]

/** The same coordinates of several vectors. Of one that ends before it there is an empty part. */
export interface Column {
  /** coordinate of the first float */
  readonly start: number
  readonly inputs: Slab[]
  readonly outputs: Slab[]
}

/** One pass over vectors of a server. */
interface Pass {
  readonly inputs: readonly RemoteTensor[]
  readonly outputs: readonly RemoteTensor[]
  readonly width: number
  readonly write: WritePart
  readonly work: (column: Column) => Promise<void>
  /** where the next column starts; below 0 when there is none */
  next: number
}

/**
 * Brings vectors of a server here column by column, however long they are and however many: some 24 MiB at once. The last
 * column comes first: a server that is given the end of a vector has room for all of it at once, and need not move what it
 * has of it each time that it grows.
 */
export class Columns {
  readonly #arena: Arena
  readonly #vectors: PartedVectors

  constructor(arena: Arena, vectors: PartedVectors) {
    this.#arena = arena
    this.#vectors = vectors
  }

  /** Reads the inputs, calls `work` for each column, one that is empty of empty vectors, and writes the outputs. */
  async each(
    inputs: readonly RemoteTensor[],
    outputs: readonly RemoteTensor[],
    work: (column: Column) => Promise<void>
  ): Promise<void> {
    const length = [...inputs, ...outputs].reduce((longest, tensor) => Math.max(longest, tensor.length), 0)
    const { lanes: most, width } = planOf(inputs.length + outputs.length)
    const names = outputs.filter((tensor) => tensor.length > 0).map(({ name }) => name)
    await this.#vectors.writeParts(names, async (write) => {
      const columns = Math.max(1, Math.ceil(length / width))
      const pass = { inputs, outputs, width, write, work, next: (columns - 1) * width }
      const lanes = Math.min(most, columns)
      await allOf(Array.from({ length: lanes }, () => this.#lane(pass)))
    })
  }

  /** One column after the other, in the same memory. */
  async #lane(pass: Pass): Promise<void> {
    const held: Vector[] = []
    try {
      const take = (tensor: RemoteTensor) => {
        const vector = this.#arena.allocate(Math.min(pass.width, tensor.length))
        held.push(vector)
        return { tensor, vector }
      }
      const [inputs, outputs] = [pass.inputs.map(take), pass.outputs.map(take)]
      do {
        const start = pass.next
        pass.next -= pass.width
        const slab = ({ tensor, vector }: { tensor: RemoteTensor; vector: Vector }): Slab => {
          const length = Math.max(0, Math.min(vector.length, tensor.length - start))
          return { vector: vector.subarray(0, length), length, references: 1, finite: tensor.finite === true }
        }
        await this.#column(pass, { start, inputs: inputs.map(slab), outputs: outputs.map(slab) })
      } while (pass.next >= 0)
    } catch (thrown) {
      // the other lanes end with the column that they are at
      pass.next = -1
      throw thrown
    } finally {
      for (const vector of held) this.#arena.free(vector)
    }
  }

  async #column({ inputs, outputs, write, work }: Pass, column: Column): Promise<void> {
    const { start } = column
    await allOf(inputs.map(({ name }, k) => this.#vectors.readPart(name, start, column.inputs[k].vector)))
    try {
      await work(column)
    } catch (thrown) {
      throw inWhole(thrown, start)
    }
    await allOf(
      outputs.map(async ({ name }, k) => {
        const { vector } = column.outputs[k]
        if (vector.length > 0) await write(name, start, vector)
      })
    )
  }
}

function planOf(vectors: number): { lanes: number; width: number } {
  const floats = BYTES / Float32Array.BYTES_PER_ELEMENT / vectors
  const lanes = Math.min(LANES, Math.max(1, Math.floor(floats / LEAST)))
  return { lanes, width: Math.min(MOST, Math.max(1, Math.floor(floats / lanes))) }
}

/** What is not finite is named by its place in the whole vector. */
function inWhole(thrown: unknown, start: number): unknown {
  if (!(thrown instanceof PeergradError) || typeof thrown.data['index'] !== 'number') return thrown
  const index = thrown.data['index'] + start
  const message = thrown.message.replace(` at ${thrown.data['index']},`, ` at ${index},`)
  return new PeergradError(thrown.code, message, { ...thrown.data, index }, { cause: thrown.cause })
}
