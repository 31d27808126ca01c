/**
 * Aborts when the signal does, or with a `TimeoutError` after so many milliseconds. Not by `AbortSignal.timeout`: inside
 * `AbortSignal.any` nothing holds it, and once garbage was collected Node 20 never fires it (`within.test.ts`).
 */
export function within(milliseconds: number, signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  const error = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError')
  setTimeout(() => late.abort(error()), milliseconds).unref()
  return AbortSignal.any([signal, late.signal])
}
