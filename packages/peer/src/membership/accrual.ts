/** Arrivals of which the sum is kept; the sums of as many before it are. */
const HALF = 50

/** An interval counts as so many expected ones at most: one long pause must not make a link seem slow for a minute. */
const LONGEST = 4

/** Share of the expected interval that its deviation is taken for before there are enough arrivals. */
const FIRST_DEVIATION = 0.25

/** Of intervals. */
class Sums {
  count = 0
  sum = 0
  squares = 0
}

export interface ArrivalsInit {
  /** milliseconds between two signs of life, as the sender means it */
  readonly interval: number
  /** the least deviation, in milliseconds: clocks and schedulers are never exact */
  readonly jitter: number
}

/**
 * How doubtful it is that a peer is still there, from when it was heard: the φ accrual detector (Hayashibara et al.,
 * SRDS 2004). φ = −log₁₀ P(a sign of life comes later than now), with arrivals taken as normal with the mean and the
 * deviation of the last 50 to 100; at φ = 8 one doubt in 10⁸ is wrong, were they normal. Two sums stand for a window of arrivals:
 * of 1,000 peers in one process a million links remember something.
 */
export class Arrivals {
  readonly #init: ArrivalsInit
  #older = new Sums()
  #newer = new Sums()
  #beat: number
  #heard: number

  constructor(init: ArrivalsInit, now: number) {
    this.#init = init
    this.#beat = now
    this.#heard = now
    const spread = init.interval * FIRST_DEVIATION
    for (const interval of [init.interval - spread, init.interval + spread]) this.#remember(interval)
  }

  /** A sign of life that comes at regular intervals. */
  beat(now: number): void {
    this.#remember(Math.min(now - this.#beat, LONGEST * this.#init.interval))
    this.#beat = now
    this.#heard = now
  }

  /** The link is new: the time without one is no interval. */
  restart(now: number): void {
    this.#beat = now
    this.#heard = now
  }

  /** Any other sign of life. */
  heard(now: number): void {
    this.#heard = now
  }

  /** This peer itself stood still for so long: what was not heard in that time says nothing. */
  shift(milliseconds: number): void {
    this.#beat += milliseconds
    this.#heard += milliseconds
  }

  /** Milliseconds since the last sign of life. */
  silence(now: number): number {
    return now - this.#heard
  }

  /**
   * φ after this silence. In milliseconds: `roundTrip` is of the link, `pause` what a sign of life may be late without any
   * doubt.
   */
  level(now: number, { roundTrip, pause }: { readonly roundTrip: number; readonly pause: number }): number {
    const count = this.#older.count + this.#newer.count
    const mean = (this.#older.sum + this.#newer.sum) / count
    const variance = Math.max(0, (this.#older.squares + this.#newer.squares) / count - mean ** 2)
    const deviation = Math.max(Math.sqrt(variance), this.#init.jitter, roundTrip)
    return phi((this.silence(now) - mean - pause - roundTrip) / deviation)
  }

  #remember(interval: number): void {
    if (this.#newer.count === HALF) {
      this.#older = this.#newer
      this.#newer = new Sums()
    }
    this.#newer.count += 1
    this.#newer.sum += interval
    this.#newer.squares += interval ** 2
  }
}

/** −log₁₀ of the upper tail of the standard normal at y, by the logistic approximation of Bowling et al. (2009). */
function phi(y: number): number {
  const exponent = y * (1.5976 + 0.070566 * y ** 2)
  // of 1/(1 + eˣ), in a form that does not overflow
  return (exponent > 0 ? exponent + Math.log1p(Math.exp(-exponent)) : Math.log1p(Math.exp(exponent))) / Math.LN10
}
