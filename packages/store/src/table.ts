import type { Clock } from '@peergrad/core'
import { missing } from './keys.js'
import type { Tensor } from './place.js'

interface Entry<T> {
  readonly tensor: T
  readonly cancelExpiry: (() => void) | undefined
}

/** Keys and the tensors that they name; each entry holds one reference. */
export class Table<T extends Tensor> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #release: (tensor: T) => void
  readonly #clock: Clock

  constructor(release: (tensor: T) => void, clock: Clock) {
    this.#release = release
    this.#clock = clock
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.tensor
  }

  /** The tensors of all keys, in order; error `missing` with the list of all that are not there. */
  all(keys: readonly string[]): T[] {
    const absent = keys.filter((key) => !this.#entries.has(key))
    if (absent.length > 0) throw missing(absent)
    return keys.flatMap((key) => this.get(key) ?? [])
  }

  add(key: string, tensor: T, ttl?: number): void {
    tensor.references++
    const cancelExpiry = ttl === undefined ? undefined : this.#clock.after(ttl, () => this.delete(key))
    this.#entries.set(key, { tensor, cancelExpiry })
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.cancelExpiry?.()
    this.#entries.delete(key)
    this.#release(entry.tensor)
  }

  keys(prefix = ''): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort()
  }
}
