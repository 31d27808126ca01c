import { onAbort } from '../deferred.js'
import { interruption } from './network-error.js'

/** At most `limit` holders per name; the others wait in line. */
export class Slots {
  readonly #limit: number
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Resolves with what gives the slot back. Rejects when the signal fires first. */
  async take(name: string, signal: AbortSignal): Promise<() => void> {
    while ((this.#taken.get(name) ?? 0) >= this.#limit) await this.#turn(name, signal)
    this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1)
    return () => this.#release(name)
  }

  async #turn(name: string, signal: AbortSignal): Promise<void> {
    const line = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, line)
    await new Promise<void>((resolve, reject) => {
      const remove = onAbort(signal, () => {
        line.delete(next)
        if (line.size === 0) this.#waiting.delete(name)
        reject(interruption(signal, `waiting for ${name}`))
      })
      const next = () => {
        remove()
        resolve()
      }
      line.add(next)
    })
  }

  #release(name: string): void {
    const left = (this.#taken.get(name) ?? 1) - 1
    if (left === 0) this.#taken.delete(name)
    else this.#taken.set(name, left)
    const line = this.#waiting.get(name)
    for (const next of line ?? []) {
      line?.delete(next)
      if (line?.size === 0) this.#waiting.delete(name)
      next()
      return
    }
  }
}
