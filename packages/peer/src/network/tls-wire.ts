import type { TLSSocket } from 'node:tls'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import type { Wire } from './wire.js'

/** How long the other end may take to close its half. */
const CLOSE_MILLISECONDS = 10_000

/** A TLS socket whose other end has proved who it is. Bytes are read from the moment that somebody receives them. */
export class TlsWire implements Wire {
  readonly lane = 'fast'
  readonly peer: PeerId
  readonly broken: Promise<PeergradError>
  readonly #socket: TLSSocket
  #reason: PeergradError | undefined

  constructor(socket: TLSSocket, peer: PeerId) {
    this.#socket = socket
    this.peer = peer
    this.broken = new Promise((resolve) => {
      const ended = (cause?: unknown) => {
        const why = cause instanceof Error ? `: ${cause.message}` : ''
        this.#reason ??= new PeergradError('unreachable', `the socket to ${peer} broke${why}`, {}, { cause })
        resolve(this.#reason)
        socket.destroy()
      }
      if (socket.destroyed) ended()
      // a process that is killed ends its sockets as well, so the end of one proves nothing about its peer
      socket.on('end', () => ended())
      socket.on('error', ended)
      socket.on('close', () => ended())
    })
  }

  send(bytes: Uint8Array): boolean {
    if (this.#reason !== undefined) throw this.#reason
    return this.#socket.write(bytes)
  }

  async drained(): Promise<void> {
    const socket = this.#socket
    if (socket.writableNeedDrain) {
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off('drain', done)
          socket.off('close', done)
          resolve()
        }
        socket.on('drain', done)
        socket.on('close', done)
      })
    }
    if (socket.destroyed) throw await this.broken
  }

  receive(sink: (chunk: Uint8Array) => void): void {
    this.#socket.on('data', (chunk: Uint8Array) => {
      try {
        sink(chunk)
      } catch (error) {
        this.abort(PeergradError.from(error))
      }
    })
  }

  close(): void {
    this.#socket.end()
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MILLISECONDS).unref()
    void this.broken.then(() => clearTimeout(timer))
  }

  abort(reason: PeergradError): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }
}
