import type { Stream } from '@libp2p/interface'
import { PeergradError } from '@peergrad/core'

export interface OutletInit {
  /** frames that wait while they cannot go out; the oldest give way */
  readonly keeps: number
  /** Rejects when there is no way to the peer for now. */
  readonly open: () => Promise<Stream>
  readonly sent: (bytes: number) => void
  /** The peer said something on a stream that is for listening. */
  readonly answered: () => void
}

/**
 * The stream on which one peer is told something. It is opened again by the next frame when it broke. What cannot go out
 * at once is kept until it can, the newest frames only: one who does not read would pile them up here.
 */
export class Outlet {
  readonly #init: OutletInit
  #stream: Stream | undefined
  #opening = false
  #waiting: Uint8Array[] = []
  #closed = false

  constructor(init: OutletInit) {
    this.#init = init
  }

  send(frame: Uint8Array): void {
    this.#waiting.push(frame)
    if (this.#waiting.length > this.#init.keeps) this.#waiting.shift()
    if (this.#stream === undefined) this.connect()
    else this.#flush(this.#stream)
  }

  /** Opens the stream, so that the first frame need not wait for it. */
  connect(): void {
    if (this.#opening || this.#closed) return
    this.#opening = true
    this.#init
      .open()
      .then((stream) => this.#use(stream))
      // the next frame tries again
      .catch(() => undefined)
      .finally(() => (this.#opening = false))
  }

  close(): void {
    this.#closed = true
    this.#stream?.abort(new PeergradError('unreachable', 'the peer went'))
  }

  #use(stream: Stream): void {
    // a stream without a listener keeps what comes, and one that throws would end the process
    stream.addEventListener('message', () => {
      this.#init.answered()
      stream.abort(new PeergradError('corrupt', 'got an answer where none is due'))
    })
    stream.addEventListener('drain', () => {
      // in the event itself: a transfer on the same connection fills it again at once
      this.#flush(stream)
      // what was left of the last frame goes out in a microtask
      queueMicrotask(() => this.#flush(stream))
    })
    const over = () => {
      if (this.#stream === stream) this.#stream = undefined
      stream.abort(new PeergradError('unreachable', 'the peer ended the stream'))
    }
    stream.addEventListener('remoteCloseWrite', over)
    stream.addEventListener('close', over)
    if (this.#closed || stream.status !== 'open' || stream.remoteWriteStatus === 'closed') return over()
    this.#stream = stream
    this.#flush(stream)
  }

  #flush(stream: Stream): void {
    while (!stream.writableNeedsDrain && stream.writeBufferLength === 0) {
      const frame = this.#waiting.shift()
      if (frame === undefined) return
      try {
        stream.send(frame)
        this.#init.sent(frame.byteLength)
      } catch (thrown) {
        return stream.abort(PeergradError.from(thrown))
      }
    }
  }
}
