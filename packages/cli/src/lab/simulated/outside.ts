/** Real work, which takes no virtual time: the clock stands still until it is done. */
export class Outside {
  #running = 0
  #idle: (() => void)[] = []

  /** Counts a piece of work until it settles. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#running += 1
    return work.finally(() => {
      this.#running -= 1
      if (this.#running === 0) for (const idle of this.#idle.splice(0)) idle()
    })
  }

  /** The same part, whose calls are counted until their promises settle. It must wait for no virtual time itself. */
  of<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(value, target, args)
          return result instanceof Promise ? this.track(result) : result
        }
      }
    })
  }

  /** Resolves when no such work is under way, and all promises that can go on have done so. */
  async settled(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#running === 0) return
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }
}
