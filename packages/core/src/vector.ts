import { Blocks } from './blocks.js'
import { PeergradError } from './errors.js'
import { SCRATCH_BYTES } from './kernels/scratch.js'

/** A flat vector of float32 in shared memory: parameters, a gradient, an update. */
export type Vector = Float32Array<SharedArrayBuffer>

/** A vector (or a part of one) as it crosses threads by postMessage; `length` in floats. */
export interface VectorHandle {
  readonly byteOffset: number
  readonly length: number
}

const PAGE_BYTES = 65_536
const MAXIMUM_BYTES = 2 ** 32 - SCRATCH_BYTES

/**
 * All vectors of one process lie in one shared WebAssembly memory, so that the kernels of every thread work on them
 * in place and no vector is copied from thread to thread. The memory has its full size from the start: it never
 * grows, so views never go stale, and it costs address space only until it is touched.
 *
 * The thread that created the arena allocates and frees; the others attach to `memory` and view by handle.
 */
export class Arena {
  /** Send this to other threads and `Arena.attach` it there. */
  readonly memory: WebAssembly.Memory
  /** bytes that vectors may use in all */
  readonly byteLimit: number
  readonly #buffer: SharedArrayBuffer
  readonly #blocks: Blocks | undefined

  private constructor(memory: WebAssembly.Memory, owner: boolean) {
    this.memory = memory
    this.#buffer = sharedBuffer(memory)
    this.byteLimit = this.#buffer.byteLength - SCRATCH_BYTES
    this.#blocks = owner ? new Blocks(SCRATCH_BYTES, this.#buffer.byteLength) : undefined
  }

  /**
   * @param bytes budget of all vectors together, rounded up to 64 KiB; at most 4 GiB less 1 MiB (the kernels' scratch).
   *   Error `argument` outside of that, `full` when the system has no such address space.
   */
  static create({ bytes }: { bytes: number }): Arena {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > MAXIMUM_BYTES) {
      throw new PeergradError(
        'argument',
        `arena: got ${bytes} bytes, expected a whole number from 1 to ${MAXIMUM_BYTES}`
      )
    }
    const pages = Math.ceil((bytes + SCRATCH_BYTES) / PAGE_BYTES)
    try {
      return new Arena(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }), true)
    } catch (cause) {
      const message = `arena: the system gave no ${bytes} bytes of address space; ask for less`
      throw new PeergradError('full', message, { bytes }, { cause })
    }
  }

  /** The arena of another thread, for viewing only. */
  static attach(memory: WebAssembly.Memory): Arena {
    return new Arena(memory, false)
  }

  /** bytes of all blocks that are allocated now, rounded up to 64 each */
  get bytesInUse(): number {
    return this.#owned().bytesInUse
  }

  /**
   * A vector on a 64-byte boundary. Its content is whatever was there: recycled memory is not cleared.
   * Error `full` with the sums when the budget does not hold it.
   */
  allocate(length: number): Vector {
    return new Float32Array(this.#buffer, this.#allocate(length, 4), length)
  }

  /** Packed bytes on a 64-byte boundary; otherwise as `allocate`. */
  allocateBytes(byteLength: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#buffer, this.#allocate(byteLength, 1), byteLength)
  }

  /** Takes back what allocate or allocateBytes gave (not a part of it, not twice: `argument`). */
  free(vector: Vector | Uint8Array<SharedArrayBuffer>): void {
    this.#checkForeign(vector)
    this.#owned().free(vector.byteOffset, vector.byteLength)
  }

  handle(vector: Vector): VectorHandle {
    this.#checkForeign(vector)
    return { byteOffset: vector.byteOffset, length: vector.length }
  }

  /** The vector behind a handle, in any thread. Error `argument` for a handle outside of the arena. */
  view(handle: VectorHandle): Vector {
    this.#checkRange(handle)
    return new Float32Array(this.#buffer, handle.byteOffset, handle.length)
  }

  /** The bytes behind a handle, in any thread. Error `argument` for a handle outside of the arena. */
  bytes(handle: VectorHandle): Uint8Array<SharedArrayBuffer> {
    this.#checkRange(handle)
    return new Uint8Array(this.#buffer, handle.byteOffset, handle.length * 4)
  }

  #allocate(count: number, width: number): number {
    if (!Number.isInteger(count) || count < 0) {
      throw new PeergradError('argument', `arena: got a length of ${count}, expected a whole number from 0`)
    }
    return this.#owned().allocate(count * width)
  }

  #owned(): Blocks {
    if (this.#blocks !== undefined) return this.#blocks
    const message = 'arena: this thread is attached and can only view; allocate and free in the thread that created it'
    throw new PeergradError('unsupported', message)
  }

  #checkForeign(view: ArrayBufferView): void {
    if (view.buffer !== this.#buffer) {
      throw new PeergradError('argument', 'arena: got a vector of other memory, expected one of this arena')
    }
  }

  #checkRange({ byteOffset, length }: VectorHandle): void {
    const whole = Number.isInteger(byteOffset) && Number.isInteger(length) && byteOffset % 4 === 0 && length >= 0
    if (whole && byteOffset >= SCRATCH_BYTES && byteOffset + length * 4 <= this.#buffer.byteLength) return
    const message = `arena: got a handle to ${length} × 4 bytes at ${byteOffset}, expected one inside the arena`
    throw new PeergradError('argument', `${message} (${SCRATCH_BYTES} to ${this.#buffer.byteLength})`)
  }
}

function sharedBuffer(memory: WebAssembly.Memory): SharedArrayBuffer {
  const buffer: ArrayBufferLike = memory.buffer
  if (buffer instanceof SharedArrayBuffer) return buffer
  throw new PeergradError('argument', 'arena: got a memory that is not shared, expected one made by Arena.create')
}
