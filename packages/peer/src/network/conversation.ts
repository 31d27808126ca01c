import type { Stream } from '@libp2p/interface'
import type { PeerId } from '@peergrad/core'
import { onAbort } from '../deferred.js'
import { interruption, networkError } from './network-error.js'
import { StreamWire } from './stream-wire.js'
import { WireReader } from './wire-reader.js'

export interface TalkInit {
  /** the start of the sentence when it fails, e.g. "hello to 12D3…" */
  readonly what: string
  readonly signal: AbortSignal
}

/**
 * One talk on a stream, which it closes itself when all is said. What goes wrong, or is not over when the signal fires, ends the
 * stream. Errors: those of `networkError`.
 */
export async function talk<T>(
  wire: StreamWire,
  { what, signal }: TalkInit,
  work: (wire: StreamWire, reader: WireReader) => Promise<T>
): Promise<T> {
  const reader = new WireReader(wire)
  const stop = onAbort(signal, () => wire.abort(interruption(signal, what)))
  try {
    return await work(wire, reader)
  } catch (thrown) {
    const error = networkError(thrown, what, signal)
    wire.abort(error)
    throw error
  } finally {
    stop()
  }
}

/** The same on a stream that is being opened. */
export async function converse<T>(
  opening: Promise<Stream>,
  { peer, ...init }: TalkInit & { readonly peer: PeerId },
  work: (wire: StreamWire, reader: WireReader) => Promise<T>
): Promise<T> {
  let wire: StreamWire
  try {
    wire = new StreamWire(await opening, peer)
  } catch (thrown) {
    throw networkError(thrown, init.what, init.signal)
  }
  return talk(wire, init, work)
}
