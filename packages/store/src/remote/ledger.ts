import type { Clock, Logger } from '@peergrad/core'
import type { Slab, Slabs } from '../slabs.js'
import { RENEWAL } from './lifetime.js'
import type { RemoteTensor } from './remote-tensor.js'
import type { RemoteVectors } from './vectors.js'

export interface LedgerInit {
  /** the budget */
  readonly slabs: Slabs
  readonly vectors: RemoteVectors
  /** begins the name of every vector: of this run, this peer and this life of it */
  readonly prefix: string
  readonly clock: Clock
  readonly logger?: Logger
}

/** Milliseconds that deletions may hold up the end of a peer. */
const FAREWELL = 1000

/** What this peer has on the server: names, which are used once, and their bytes in the budget. */
export class Ledger {
  readonly #slabs: Slabs
  readonly #vectors: RemoteVectors
  readonly #prefix: string
  readonly #clock: Clock
  readonly #logger: Logger | undefined
  readonly #names = new Set<string>()
  readonly #deletions = new Set<Promise<void>>()
  #count = 0
  #cancelRenewal: () => void

  constructor({ slabs, vectors, prefix, clock, logger }: LedgerInit) {
    this.#slabs = slabs
    this.#vectors = vectors
    this.#prefix = prefix
    this.#clock = clock
    this.#logger = logger
    this.#cancelRenewal = this.#renewLater()
  }

  /** Room for a vector, with one reference. Error `full`. */
  allocate(length: number): RemoteTensor {
    this.#slabs.check(length * Float32Array.BYTES_PER_ELEMENT)
    return this.#add(this.#name(), length)
  }

  free(tensor: RemoteTensor): void {
    this.#slabs.bytes -= tensor.length * Float32Array.BYTES_PER_ELEMENT
    this.#names.delete(tensor.name)
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

  /** Waits for what is being deleted, for a second at most: what a server that stands still keeps goes by its lifetime. */
  async close(): Promise<void> {
    this.#cancelRenewal()
    let cancel = () => {}
    const late = new Promise<void>((resolve) => (cancel = this.#clock.after(FAREWELL, resolve)))
    await Promise.race([Promise.all(this.#deletions), late])
    cancel()
  }

  #name(): string {
    return `${this.#prefix}${this.#count++}`
  }

  #add(name: string, length: number): RemoteTensor {
    this.#slabs.bytes += length * Float32Array.BYTES_PER_ELEMENT
    this.#names.add(name)
    return { name, length, references: 1 }
  }

  #delete(name: string): void {
    const deletion = this.#vectors.delete([name]).catch((thrown: unknown) => {
      // the next start of this peer deletes what is left, or the server when its lifetime is over
      this.#logger?.debug({ name, error: String(thrown) }, 'a vector was not deleted')
    })
    this.#deletions.add(deletion)
    void deletion.then(() => this.#deletions.delete(deletion))
  }

  #renewLater(): () => void {
    return this.#clock.after(RENEWAL, () => {
      this.#cancelRenewal = this.#renewLater()
      this.#vectors.renew([...this.#names]).catch((thrown: unknown) => {
        this.#logger?.warn({ error: String(thrown) }, 'vectors on the server were not given another lifetime')
      })
    })
  }
}
