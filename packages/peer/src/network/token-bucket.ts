export interface Rate {
  /** tokens at once */
  readonly burst: number
  /** tokens that come back a second */
  readonly perSecond: number
}

/** A rate limit per name. Names that are full again are forgotten. */
export class TokenBuckets {
  readonly #rate: Rate
  readonly #now: () => number
  /** who took last is last */
  readonly #levels = new Map<string, { tokens: number; at: number }>()

  constructor(rate: Rate, now: () => number = performance.now.bind(performance)) {
    this.#rate = rate
    this.#now = now
  }

  /** False when the name has not `cost` tokens left. */
  take(name: string, cost = 1): boolean {
    const { burst, perSecond } = this.#rate
    const now = this.#now()
    const level = this.#levels.get(name)
    if (level === undefined) this.#forgetFull(now)
    const tokens = level === undefined ? burst : Math.min(burst, level.tokens + ((now - level.at) / 1000) * perSecond)
    const enough = tokens >= cost
    this.#levels.delete(name)
    this.#levels.set(name, { tokens: enough ? tokens - cost : tokens, at: now })
    return enough
  }

  #forgetFull(now: number): void {
    const refill = (this.#rate.burst / this.#rate.perSecond) * 1000
    for (const [name, { at }] of this.#levels) {
      if (now - at <= refill) return
      this.#levels.delete(name)
    }
  }
}
