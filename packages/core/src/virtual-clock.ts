import type { Clock } from './contracts/clock.js'

export interface VirtualClock extends Clock {
  /** Moves time on by `ms` and calls what falls due on the way, in the order of time and then of registration. */
  advance(ms: number): void
  /** Moves time on to the next callback and calls that one. */
  step(): void
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
  readonly due: number
  readonly number: number
  callback: (() => void) | undefined
}

/** A clock that stands still until it is told to move. `wall` starts at `epoch`. */
export function virtualClock({ epoch = 1_700_000_000_000 }: { epoch?: number } = {}): VirtualClock {
  let now = 0
  let count = 0
  let pending = 0
  const heap: Timer[] = []
  const next = () => {
    while (heap.length > 0 && heap[0].callback === undefined) pop(heap)
    return heap[0]?.due
  }
  const step = () => {
    if (next() === undefined) return
    const timer = pop(heap)
    const { callback } = timer
    timer.callback = undefined
    pending -= 1
    now = timer.due
    callback?.()
  }
  return {
    now: () => now,
    wall: () => epoch + now,
    after(delay, callback) {
      const timer: Timer = { due: now + Math.max(0, delay), number: count++, callback }
      push(heap, timer)
      pending += 1
      return () => {
        if (timer.callback === undefined) return
        timer.callback = undefined
        pending -= 1
      }
    },
    advance(ms) {
      const until = now + ms
      for (let due = next(); due !== undefined && due <= until; due = next()) step()
      now = until
    },
    step,
    get next() {
      return next()
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

function before(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.number < b.number)
}

function push(heap: Timer[], timer: Timer): void {
  let index = heap.length
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!before(timer, heap[parent])) break
    heap[index] = heap[parent]
    index = parent
  }
  heap[index] = timer
}

/** The heap is not empty. */
function pop(heap: Timer[]): Timer {
  const first = heap[0]
  const last = heap.pop() as Timer
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1
    if (!before(heap[child], last)) break
    heap[index] = heap[child]
    index = child
  }
  if (heap.length > 0) heap[index] = last
  return first
}
