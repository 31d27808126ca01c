import { PeergradError, type Clock } from '@peergrad/core'

/** A promise that somebody else settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  // whoever waits sees the rejection; a deferred that nobody waits for must not end the process
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/** Throws the signal's reason as an error of ours, if there is one. */
export function checkAborted(signal: AbortSignal): void {
  if (signal.aborted) throw PeergradError.from(signal.reason)
}

/** Settles with `promise`, or rejects with the signal's reason as an error of ours, whichever comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(PeergradError.from(signal.reason))
    const forget = onAbort(signal, giveUp)
    // who gave up on it does not hear how it ends
    void promise.then(resolve, reject).then(forget)
  })
}

interface Waiting {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

/** A signal goes through its listeners one by one when another is added, and warns of more than ten: it gets one. */
const waiting = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal aborts, or soon when it has: never before this returns. Returns what ends that, after which
 * it is not called.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) return soon(call)
  let those = waiting.get(signal)
  if (those === undefined) {
    const calls = new Set<() => void>()
    those = { calls, listener: () => calls.forEach((each) => each()) }
    waiting.set(signal, those)
    signal.addEventListener('abort', those.listener, { once: true })
  }
  const { calls, listener } = those
  calls.add(call)
  return () => {
    if (!calls.delete(call) || calls.size > 0) return
    // a signal made of others is kept alive by its listeners
    signal.removeEventListener('abort', listener)
    waiting.delete(signal)
  }
}

function soon(call: () => void): () => void {
  let ended = false
  queueMicrotask(() => {
    if (!ended) call()
  })
  return () => {
    ended = true
  }
}

/** Resolves after so many milliseconds, or rejects with the signal's reason as an error of ours when that comes first. */
export async function pause(clock: Pick<Clock, 'after'>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const over = deferred<void>()
  const cancel = clock.after(milliseconds, over.resolve)
  try {
    await orAborted(over.promise, signal)
  } finally {
    cancel()
  }
}
