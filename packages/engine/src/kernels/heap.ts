import type { DataType, TensorInfo } from '@tensorflow/tfjs-core'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { PeergradError } from '@peergrad/core'
import type { KernelExports } from './exports.js'
import { instantiateKernels } from './module.js'

/** What we use of the module that Emscripten made of tfjs's back end. */
interface Emscripten {
  _malloc(bytes: number): number
  _free(address: number): void
}

/** Bytes of a geometry (15 integers), rounded up. */
const GEOMETRY_BYTES = 64
const CACHE_LINE = 64

/**
 * The memory of tfjs's WebAssembly back end, shared with our kernels: where tensors lie, room for results, and
 * scratch. One per back end, hence one per worker.
 */
export class Heap {
  readonly kernels: KernelExports
  readonly #backend: BackendWasm
  readonly #emscripten: Emscripten
  readonly #memory: WebAssembly.Memory
  readonly #geometry: number

  private constructor(
    backend: BackendWasm,
    emscripten: Emscripten,
    memory: WebAssembly.Memory,
    kernels: KernelExports
  ) {
    this.#backend = backend
    this.#emscripten = emscripten
    this.#memory = memory
    this.kernels = kernels
    this.#geometry = this.#allocate(GEOMETRY_BYTES)
  }

  /** @throws PeergradError `unsupported` when the back end does not show its memory. */
  static async of(backend: BackendWasm): Promise<Heap> {
    const emscripten: object = backend.wasm
    const memory = memoryOf(emscripten)
    if (!isEmscripten(emscripten) || memory === undefined) {
      throw new PeergradError(
        'unsupported',
        'the tfjs WebAssembly back end shows no memory, expected that of @tensorflow/tfjs-backend-wasm 4.22: ' +
          'install that version'
      )
    }
    return new Heap(backend, emscripten, memory, await instantiateKernels(memory))
  }

  /** Byte offset of a tensor's first element. */
  address(tensor: TensorInfo): number {
    return this.#backend.getMemoryOffset(tensor.dataId)
  }

  /** A new tensor with arbitrary contents. */
  output(shape: readonly number[], dtype: DataType = 'float32'): TensorInfo {
    return this.#backend.makeOutput([...shape], dtype)
  }

  /** Gives up a tensor that no caller has seen. */
  free(tensor: TensorInfo): void {
    this.#backend.disposeData(tensor.dataId)
  }

  /** The same data under another name, with a reference of its own. */
  alias({ dataId, shape, dtype }: TensorInfo): TensorInfo {
    this.#backend.incRef(dataId)
    return { dataId, shape, dtype }
  }

  /** Calls `use` with the address of `bytes` bytes on a cache line of their own; they are free again afterwards. */
  withScratch(bytes: number, use: (address: number) => void): void {
    const address = this.#allocate(bytes + CACHE_LINE)
    try {
      use(Math.ceil(address / CACHE_LINE) * CACHE_LINE)
    } finally {
      this.#emscripten._free(address)
    }
  }

  /** The floats at an address; valid until the next allocation. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, count)
  }

  /** Writes a geometry where kernels read it, and returns its address; valid until the next geometry. */
  geometry(numbers: readonly number[]): number {
    new Int32Array(this.#memory.buffer, this.#geometry, numbers.length).set(numbers)
    return this.#geometry
  }

  #allocate(bytes: number): number {
    const address = this.#emscripten._malloc(bytes) >>> 0
    if (address !== 0) return address
    throw new PeergradError(
      'full',
      `the WebAssembly back end has no ${bytes} bytes left: use a smaller batch, or a smaller model`,
      { bytes }
    )
  }
}

function isEmscripten(module: object): module is Emscripten {
  return '_malloc' in module && '_free' in module
}

function memoryOf(module: object): WebAssembly.Memory | undefined {
  if (!('asm' in module) || typeof module.asm !== 'object' || module.asm === null) return undefined
  for (const value of Object.values(module.asm)) if (value instanceof WebAssembly.Memory) return value
  return undefined
}
