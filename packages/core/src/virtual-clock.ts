import type { Clock } from './contracts/clock.js'

export interface VirtualClock extends Clock {
  /** Moves time on by `ms` and calls what falls due on the way, in the order of time and then of registration. */
  advance(ms: number): void
  /** Moves time on to the next callback and calls that one. */
  step(): void
  /** Moves time on to the next callback and calls all that are due then. Returns how many. */
  turn(): number
  /** when the next callback is due; undefined when none waits */
  readonly next: number | undefined
  /** callbacks that still wait */
  readonly pending: number
}

/** The clock of one process on a machine whose time is virtual. */
export interface ProcessClock extends Clock {
  /** No callback comes until `resume`, as after SIGSTOP. */
  stop(): void
  /** What fell due meanwhile comes now, one after the other, and finds that much time has passed. */
  resume(): void
  /** The process is gone: no callback comes any more. */
  drop(): void
}

interface Timer {
  callback: (() => void) | undefined
}

/** What falls due at one time, in the order of registration. */
interface Instant {
  readonly due: number
  readonly timers: Timer[]
  /** all before it were called or cancelled */
  first: number
}

/** So many cancelled timers are kept until they fall due; of more, those that outnumber the others go. */
const CANCELLED = 10_000

/** A clock that stands still until it is told to move. `wall` starts at `epoch`. */
export function virtualClock({ epoch = 1_700_000_000_000 }: { epoch?: number } = {}): VirtualClock {
  let now = 0
  let pending = 0
  let cancelled = 0
  const instants = new Map<number, Instant>()
  const heap: Instant[] = []
  const next = (): Instant | undefined => {
    for (let instant = heap[0]; instant !== undefined; instant = heap[0]) {
      for (; instant.first < instant.timers.length; instant.first++) {
        if (instant.timers[instant.first].callback !== undefined) return instant
        cancelled -= 1
      }
      instants.delete(instant.due)
      pop(heap)
    }
    return undefined
  }
  const step = () => {
    const instant = next()
    if (instant === undefined) return
    const timer = instant.timers[instant.first++]
    const { callback } = timer
    timer.callback = undefined
    pending -= 1
    now = instant.due
    callback?.()
  }
  /** Forgets all cancelled timers. */
  const sweep = () => {
    let kept = 0
    for (const instant of heap) {
      const { timers, first } = instant
      let waiting = 0
      for (let at = first; at < timers.length; at++)
        if (timers[at].callback !== undefined) timers[waiting++] = timers[at]
      timers.length = waiting
      instant.first = 0
      if (waiting === 0) instants.delete(instant.due)
      else heap[kept++] = instant
    }
    heap.length = kept
    for (let at = (kept >> 1) - 1; at >= 0; at--) sink(heap, heap[at], at)
    cancelled = 0
  }
  return {
    now: () => now,
    wall: () => epoch + now,
    after(delay, callback) {
      const due = now + Math.max(0, delay)
      const timer: Timer = { callback }
      let instant = instants.get(due)
      if (instant === undefined) {
        instant = { due, timers: [], first: 0 }
        instants.set(due, instant)
        push(heap, instant)
      }
      instant.timers.push(timer)
      pending += 1
      return () => {
        if (timer.callback === undefined) return
        timer.callback = undefined
        pending -= 1
        cancelled += 1
        if (cancelled > Math.max(CANCELLED, pending)) sweep()
      }
    },
    advance(ms) {
      const until = now + ms
      for (let instant = next(); instant !== undefined && instant.due <= until; instant = next()) step()
      now = until
    },
    step,
    turn() {
      const due = next()?.due
      let called = 0
      for (; due !== undefined && next()?.due === due; called++) step()
      return called
    },
    get next() {
      return next()?.due
    },
    get pending() {
      return pending
    }
  }
}

/** `skew`: milliseconds that the time of day is wrong. */
export function processClock(machine: Clock, { skew = 0 }: { skew?: number } = {}): ProcessClock {
  let state: 'running' | 'stopped' | 'gone' = 'running'
  let due: (() => void)[] = []
  const come = (callback: () => void) => {
    if (state === 'stopped') due.push(callback)
    else if (state === 'running') callback()
  }
  return {
    now: () => machine.now(),
    wall: () => machine.wall() + skew,
    after(delay, callback) {
      let cancelled = false
      const once = () => cancelled || callback()
      const cancel = machine.after(delay, () => come(once))
      return () => {
        cancelled = true
        cancel()
      }
    },
    stop() {
      if (state === 'running') state = 'stopped'
    },
    resume() {
      if (state !== 'stopped') return
      state = 'running'
      for (const callback of due) machine.after(0, () => come(callback))
      due = []
    },
    drop() {
      state = 'gone'
      due = []
    }
  }
}

function push(heap: Instant[], instant: Instant): void {
  let index = heap.length
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (heap[parent].due <= instant.due) break
    heap[index] = heap[parent]
    index = parent
  }
  heap[index] = instant
}

/** The heap is not empty. */
function pop(heap: Instant[]): void {
  const last = heap.pop() as Instant
  if (heap.length > 0) sink(heap, last, 0)
}

/** Puts an instant at a place of the heap below which all is in order. */
function sink(heap: Instant[], instant: Instant, place: number): void {
  let index = place
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1].due < heap[child].due) child += 1
    if (instant.due <= heap[child].due) break
    heap[index] = heap[child]
    index = child
  }
  heap[index] = instant
}
