import type { Clock } from '@peergrad/core'

export interface VirtualClock extends Clock {
  /** Moves time on by `ms` and calls what falls due on the way, in the order of time and then of registration. */
  advance(ms: number): void
  /** callbacks that still wait */
  readonly pending: number
}

/** A clock that stands still until it is told to move. `wall` starts at `epoch`. */
export function virtualClock({ epoch = 1_700_000_000_000 }: { epoch?: number } = {}): VirtualClock {
  let now = 0
  const timers = new Set<{ due: number; callback: () => void }>()
  const next = (until: number) => {
    let first: { due: number; callback: () => void } | undefined
    for (const timer of timers) {
      if (timer.due <= until && (first === undefined || timer.due < first.due)) first = timer
    }
    return first
  }
  return {
    now: () => now,
    wall: () => epoch + now,
    after(delay, callback) {
      const timer = { due: now + Math.max(0, delay), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance(ms) {
      const until = now + ms
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer)
        now = timer.due
        timer.callback()
      }
      now = until
    },
    get pending() {
      return timers.size
    }
  }
}
