import { PeergradError } from '@peergrad/core'

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
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // who gave up on it does not hear how it ends
  promise.catch(() => {})
  checkAborted(signal)
  const aborted = deferred<never>()
  const onAbort = () => aborted.reject(PeergradError.from(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
