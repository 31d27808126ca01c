import type { Stream } from '@libp2p/interface'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import type { Wire } from './wire.js'

/** What may come before anybody wants it. */
const EARLY_LIMIT = 256 * 1024

/** A libp2p stream as a wire. Make it in the very call that hands over the stream: a stream without a listener aborts. */
export class StreamWire implements Wire {
  readonly lane = 'stream'
  readonly peer: PeerId
  readonly broken: Promise<PeergradError>
  readonly #stream: Stream
  #sink: ((chunk: Uint8Array) => void) | undefined
  #early: Uint8Array[] = []
  #earlyBytes = 0
  #break: (error: PeergradError) => void = () => undefined
  #reason: PeergradError | undefined

  constructor(stream: Stream, peer: PeerId) {
    this.#stream = stream
    this.peer = peer
    this.broken = new Promise((resolve) => {
      this.#break = (error) => {
        this.#reason ??= error
        resolve(this.#reason)
      }
    })
    const ended = () => this.#break(new PeergradError('unreachable', `${peer} ended the stream`, { ended: true }))
    const lost = () => this.#break(new PeergradError('unreachable', `the stream to ${peer} broke`))
    // a throw in a listener of libp2p would end the process
    stream.addEventListener('message', ({ data }) => {
      try {
        if (data instanceof Uint8Array) this.#deliver(data)
        else for (const part of data) this.#deliver(part)
      } catch (error) {
        this.abort(PeergradError.from(error))
      }
    })
    stream.addEventListener('remoteCloseWrite', ended)
    stream.addEventListener('close', lost)
    // what came before we listened is delivered in a microtask, and this after it
    if (stream.remoteWriteStatus === 'closed') queueMicrotask(stream.status === 'open' ? ended : lost)
  }

  send(bytes: Uint8Array): boolean {
    if (this.#reason !== undefined && this.#stream.writeStatus !== 'writable') throw this.#reason
    return this.#stream.send(bytes)
  }

  /** Not stream.onDrain(), which is wrong after the first drain; and a reset stream never drains. */
  async drained(): Promise<void> {
    while (this.#stream.writableNeedsDrain) {
      if (this.#stream.writeStatus !== 'writable')
        throw this.#reason ?? new PeergradError('unreachable', `the stream to ${this.peer} broke`)
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#stream.removeEventListener('drain', done)
          this.#stream.removeEventListener('close', done)
          resolve()
        }
        this.#stream.addEventListener('drain', done)
        this.#stream.addEventListener('close', done)
      })
    }
  }

  receive(sink: (chunk: Uint8Array) => void): void {
    this.#sink = sink
    const early = this.#early
    this.#early = []
    for (const chunk of early) sink(chunk)
  }

  close(): void {
    this.#stream.close().catch((error: unknown) => this.#stream.abort(PeergradError.from(error)))
  }

  abort(reason: PeergradError): void {
    this.#break(reason)
    this.#stream.abort(reason)
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#sink !== undefined) return this.#sink(chunk)
    this.#early.push(chunk)
    this.#earlyBytes += chunk.byteLength
    if (this.#earlyBytes > EARLY_LIMIT) throw new PeergradError('corrupt', `${this.peer} sent more than was asked for`)
  }
}
