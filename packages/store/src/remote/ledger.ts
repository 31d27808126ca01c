import type { Logger } from '@peergrad/core'
import type { Slab, Slabs } from '../slabs.js'
import type { RemoteTensor } from './remote-tensor.js'
import type { RemoteVectors } from './vectors.js'

export interface LedgerInit {
  /** the budget */
  readonly slabs: Slabs
  readonly vectors: RemoteVectors
  /** begins the name of every vector: of this run, this peer and this life of it */
  readonly prefix: string
  readonly logger?: Logger
}

/** What this peer has on the server: names, which are used once, and their bytes in the budget. */
export class Ledger {
  readonly #slabs: Slabs
  readonly #vectors: RemoteVectors
  readonly #prefix: string
  readonly #logger: Logger | undefined
  readonly #deletions = new Set<Promise<void>>()
  #count = 0

  constructor({ slabs, vectors, prefix, logger }: LedgerInit) {
    this.#slabs = slabs
    this.#vectors = vectors
    this.#prefix = prefix
    this.#logger = logger
  }

  /** Room for a vector, with one reference. Error `full`. */
  allocate(length: number): RemoteTensor {
    this.#slabs.check(length * Float32Array.BYTES_PER_ELEMENT)
    return this.#add(this.#name(), length)
  }

  free(tensor: RemoteTensor): void {
    this.#slabs.bytes -= tensor.length * Float32Array.BYTES_PER_ELEMENT
    this.#delete(tensor.name)
  }

  /** Writes a vector, past the budget by what the slab holds, if need be: for a moment it is there twice. */
  async write(slab: Slab): Promise<RemoteTensor> {
    const tensor = this.#add(this.#name(), slab.length)
    try {
      await this.#vectors.write(tensor.name, slab.vector)
      return tensor
    } catch (thrown) {
      this.free(tensor)
      throw thrown
    }
  }

  /** A vector that the server makes, of a length that it alone knows; undefined when it cannot. Error `full`: it is gone. */
  async adopt(make: (name: string) => Promise<number | undefined>): Promise<RemoteTensor | undefined> {
    const name = this.#name()
    try {
      const length = await make(name)
      if (length === undefined) return undefined
      this.#slabs.check(length * Float32Array.BYTES_PER_ELEMENT)
      return this.#add(name, length)
    } catch (thrown) {
      this.#delete(name)
      throw thrown
    }
  }

  /** Waits for what is being deleted. */
  async settle(): Promise<void> {
    await Promise.all(this.#deletions)
  }

  #name(): string {
    return `${this.#prefix}${this.#count++}`
  }

  #add(name: string, length: number): RemoteTensor {
    this.#slabs.bytes += length * Float32Array.BYTES_PER_ELEMENT
    return { name, length, references: 1 }
  }

  #delete(name: string): void {
    const deletion = this.#vectors.delete([name]).catch((thrown: unknown) => {
      // the next start of this peer deletes what is left
      this.#logger?.debug({ name, error: String(thrown) }, 'a vector was not deleted')
    })
    this.#deletions.add(deletion)
    void deletion.then(() => this.#deletions.delete(deletion))
  }
}
