import { PeergradError } from '@peergrad/core'

/**
 * What libp2p or a socket threw, as one of ours: `aborted` or `timeout` when the signal says so, else `unreachable`
 * with their words. `what` is the start of the sentence, e.g. "fetch from 12D3…".
 */
export function networkError(thrown: unknown, what: string, signal?: AbortSignal): PeergradError {
  if (signal?.aborted === true) return interruption(signal, what)
  if (thrown instanceof PeergradError) return thrown
  return new PeergradError('unreachable', `${what}: ${reasonOf(thrown)}`, {}, { cause: thrown })
}

/** What went wrong, in libp2p's words; for a dial to several addresses, at each of them. */
export function reasonOf(thrown: unknown): string {
  // it rejects with the close event itself when a connection goes while something is negotiated on it
  if (thrown instanceof Event) return 'the connection closed'
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors.map(reasonOf).join('; ')
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** Whether it was a deadline that fired the signal. */
export function timedOut({ reason }: AbortSignal): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError'
}

/** Error of a signal that fired: `timeout` when a deadline did, `aborted` when somebody gave up. */
export function interruption(signal: AbortSignal, what: string): PeergradError {
  const reason: unknown = signal.reason
  if (reason instanceof PeergradError) return reason
  if (timedOut(signal)) return new PeergradError('timeout', `${what}: the deadline passed`)
  return new PeergradError('aborted', `${what}: given up`)
}
