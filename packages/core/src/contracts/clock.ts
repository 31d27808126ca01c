/**
 * Time as a component, so that a time-out is tested without waiting for it.
 * All values are milliseconds. `now` never goes back; `wall` is the time of day and may jump.
 */
export interface Clock {
  now(): number
  wall(): number
  /** Calls `callback` once after `delay`; the returned function cancels it. */
  after(delay: number, callback: () => void): () => void
}

/** The machine's clock. */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delay, callback) {
      const timer = setTimeout(callback, Math.max(0, delay))
      return () => clearTimeout(timer)
    }
  }
}
