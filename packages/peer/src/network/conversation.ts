import type { Stream } from '@libp2p/interface'
import type { PeerId } from '@peergrad/core'
import { interruption, networkError, onAbort } from './network-error.js'
import { StreamWire } from './stream-wire.js'
import { WireReader } from './wire-reader.js'

export interface ConversationInit {
  readonly peer: PeerId
  /** the start of the sentence when it fails, e.g. "hello to 12D3…" */
  readonly what: string
  readonly signal: AbortSignal
}

/**
 * Talks on a stream that is being opened; the talk closes it when all is said. What goes wrong, or is not over when the signal
 * fires, ends the stream. Errors: those of `networkError`.
 */
export async function converse<T>(
  opening: Promise<Stream>,
  { peer, what, signal }: ConversationInit,
  talk: (wire: StreamWire, reader: WireReader) => Promise<T>
): Promise<T> {
  let wire: StreamWire | undefined
  try {
    wire = new StreamWire(await opening, peer)
    const reader = new WireReader(wire)
    const stop = onAbort(signal, () => wire?.abort(interruption(signal, what)))
    try {
      return await talk(wire, reader)
    } finally {
      stop()
    }
  } catch (thrown) {
    const error = networkError(thrown, what, signal)
    wire?.abort(error)
    throw error
  }
}
