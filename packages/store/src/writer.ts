import { PeergradError, type Clock } from '@peergrad/core'
import type { Place, Tensor } from './place.js'
import { Table } from './table.js'

/** Makes tensors and puts them under their keys, whole and all at once, or not at all. */
export class Writer<T extends Tensor> {
  readonly table: Table<T>
  readonly #place: Place<T>
  readonly #checkOpen: () => void

  /** @param checkOpen throws once the store is closed */
  constructor(place: Place<T>, clock: Clock, checkOpen: () => void) {
    this.#place = place
    this.table = new Table((tensor) => this.release(tensor), clock)
    this.#checkOpen = checkOpen
  }

  /** Runs `work` on new tensors and publishes them together under their keys. */
  async make(
    inputs: readonly T[],
    outputs: readonly (readonly [key: string, length: number])[],
    work: (tensors: T[]) => Promise<void>
  ): Promise<void> {
    const keys = outputs.map(([key]) => key)
    const made: T[] = []
    try {
      for (const [, length] of outputs) made.push(this.#place.allocate(length))
      await this.give(inputs, keys, async () => {
        await work(made)
        return made.map(again)
      })
    } finally {
      for (const tensor of made) this.release(tensor)
    }
  }

  /** Publishes the tensors that `work` gives, a reference each, together under the keys. */
  async give(inputs: readonly T[], keys: readonly string[], work: () => Promise<T[]>, ttl?: number): Promise<void> {
    const made = await this.using(inputs, work)
    try {
      this.#checkOpen()
      await this.#publish(new Map(keys.map((key, i) => [key, made[i]])), ttl)
    } finally {
      for (const tensor of made) this.release(tensor)
    }
  }

  /** Adds all keys at once. One that is there already must name the same bits: else `conflict`, and nothing is added. */
  async #publish(tensors: ReadonlyMap<string, T>, ttl?: number): Promise<void> {
    const equal = new Map<string, T>()
    for (;;) {
      const unlike = [...tensors].find(([key]) => this.table.get(key) !== equal.get(key))
      if (unlike === undefined) break
      const [key, tensor] = unlike
      const there = this.table.get(key)
      if (there === undefined) equal.delete(key)
      else if (await this.#sameBits(there, tensor)) equal.set(key, there)
      else {
        const message = `store: "${key}" is there with other bytes; a key is written once, so use a new one or delete it first`
        throw new PeergradError('conflict', message, { key })
      }
    }
    this.#checkOpen()
    for (const [key, tensor] of tensors) if (!equal.has(key)) this.table.add(key, tensor, ttl)
  }

  async #sameBits(a: T, b: T): Promise<boolean> {
    if (a === b) return true
    if (a.length !== b.length) return false
    return this.using([a, b], () => this.#place.same(a, b))
  }

  /** Keeps tensors from being recycled while `work` runs. What fails because the store was closed meanwhile says so. */
  async using<R>(tensors: readonly T[], work: () => Promise<R>): Promise<R> {
    for (const tensor of tensors) tensor.references++
    try {
      return await work()
    } catch (thrown) {
      this.#checkOpen()
      throw thrown
    } finally {
      for (const tensor of tensors) this.release(tensor)
    }
  }

  release(tensor: T): void {
    if (--tensor.references === 0) this.#place.free(tensor)
  }
}

/** One more reference to it. */
export function again<T extends Tensor>(tensor: T): T {
  tensor.references++
  return tensor
}
