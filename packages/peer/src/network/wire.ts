import type { PeerId } from '@peergrad/core'
import type { PeergradError } from '@peergrad/core'

export type Lane = 'stream' | 'fast'

/** A two-way channel of bytes to an authenticated peer, which both lanes of the bulk protocol are. */
export interface Wire {
  readonly peer: PeerId
  readonly lane: Lane
  /** Keeps a view of the bytes, not a copy, until they are sent. False: wait for `drained` before sending more. */
  send(bytes: Uint8Array): boolean
  /** Rejects with the error of `broken`. */
  drained(): Promise<void>
  /** Every chunk as it comes, in the call that delivers it; a sink that throws aborts the wire with what it threw. */
  receive(sink: (chunk: Uint8Array) => void): void
  /** Resolves once, when nothing more comes: the error says whether the other side ended, the link broke, or why we aborted. */
  readonly broken: Promise<PeergradError>
  /** Our side is done: what was sent goes out. */
  close(): void
  /** Ends both directions at once; what was not sent is dropped. */
  abort(reason: PeergradError): void
}
