/**
 * Does work under a signal that aborts when the given one does, or with a `TimeoutError` after so many milliseconds. Not by
 * `AbortSignal.timeout`: inside `AbortSignal.any` nothing holds it, and once garbage was collected Node 20 never fires it
 * (`within.test.ts`). Of work that has settled nothing is kept until the time is over.
 */
export async function within<T>(
  milliseconds: number,
  signal: AbortSignal,
  work: (limit: AbortSignal) => Promise<T>
): Promise<T> {
  const late = new AbortController()
  const error = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError')
  const timer = setTimeout(() => late.abort(error()), milliseconds).unref()
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
