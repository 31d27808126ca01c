import type { Clock } from '@peergrad/core'
import { missing } from '../keys.js'
import type { Slab, Slabs } from './slabs.js'

interface Entry {
  readonly slab: Slab
  readonly cancelExpiry: (() => void) | undefined
}

/** Keys and the slabs that they name; each entry holds one reference. */
export class Table {
  readonly #entries = new Map<string, Entry>()
  readonly #slabs: Slabs
  readonly #clock: Clock

  constructor(slabs: Slabs, clock: Clock) {
    this.#slabs = slabs
    this.#clock = clock
  }

  get(key: string): Slab | undefined {
    return this.#entries.get(key)?.slab
  }

  /** The slabs of all keys, in order; error `missing` with the list of all that are not there. */
  all(keys: readonly string[]): Slab[] {
    const absent = keys.filter((key) => !this.#entries.has(key))
    if (absent.length > 0) throw missing(absent)
    return keys.flatMap((key) => this.get(key) ?? [])
  }

  add(key: string, slab: Slab, ttl?: number): void {
    this.#slabs.retain(slab)
    const cancelExpiry = ttl === undefined ? undefined : this.#clock.after(ttl, () => this.delete(key))
    this.#entries.set(key, { slab, cancelExpiry })
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.cancelExpiry?.()
    this.#entries.delete(key)
    this.#slabs.release(entry.slab)
  }

  keys(prefix = ''): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort()
  }
}
