import { PeergradError } from '@peergrad/core'
import type { Wire } from './wire.js'

/** More than this unasked for is a sender that does not follow the protocol. */
const UNREAD_LIMIT = 256 * 1024

/** Reads exact numbers of bytes from a wire, or lets them flow into a sink. One reader per wire, for its whole life. */
export class WireReader {
  readonly #wire: Wire
  #unread: Uint8Array = new Uint8Array(0)
  /** behind what is unread, in the same memory: free */
  #room: Uint8Array = new Uint8Array(0)
  #waiting: { bytes: number; resolve: (bytes: Uint8Array) => void } | undefined
  #flow: ((chunk: Uint8Array) => Uint8Array | undefined) | undefined
  #fail: ((reason: PeergradError) => void) | undefined
  #broken: PeergradError | undefined

  constructor(wire: Wire) {
    this.#wire = wire
    wire.receive((chunk) => this.#arrive(chunk))
    // once for the whole life: a promise that is pending keeps all who ever waited for it, and what they were given
    void wire.broken.then((reason) => {
      this.#broken = reason
      this.#fail?.(reason)
    })
  }

  /** Bytes that came and were not asked for. */
  get unread(): number {
    return this.#unread.byteLength
  }

  /** Nothing more comes. */
  get ended(): boolean {
    return this.#broken !== undefined
  }

  /** Rejects with why the wire broke. */
  async read(bytes: number): Promise<Uint8Array> {
    return this.#orBroken<Uint8Array>((resolve) => {
      this.#waiting = { bytes, resolve }
      this.#settle()
    })
  }

  /**
   * Hands every chunk to `take` as it comes, without a copy, until it returns what of the chunk is beyond its need
   * (an empty view when nothing is). Rejects with why the wire broke.
   */
  async flow(take: (chunk: Uint8Array) => Uint8Array | undefined): Promise<void> {
    return this.#orBroken<void>((resolve) => {
      this.#flow = (chunk) => {
        const rest = take(chunk)
        if (rest !== undefined) {
          this.#flow = undefined
          resolve()
        }
        return rest
      }
      const early = this.#unread
      this.#unread = this.#room = new Uint8Array(0)
      if (early.byteLength > 0) this.#arrive(early)
    })
  }

  #arrive(chunk: Uint8Array): void {
    const rest = this.#flow === undefined ? chunk : this.#flow(chunk)
    if (rest === undefined || rest.byteLength === 0) return
    if (this.#unread.byteLength + rest.byteLength > UNREAD_LIMIT + (this.#waiting?.bytes ?? 0)) {
      throw new PeergradError('corrupt', `${this.#wire.peer} sent more than was asked for`)
    }
    this.#keep(rest)
    this.#settle()
  }

  /** A copy, for the chunk may be a reused buffer. Room is doubled, so that no byte is moved for each chunk that comes. */
  #keep(chunk: Uint8Array): void {
    const before = this.#unread.byteLength
    const bytes = before + chunk.byteLength
    if (chunk.byteLength > this.#room.byteLength) {
      const memory = new Uint8Array(Math.max(bytes, 2 * before))
      memory.set(this.#unread)
      this.#unread = memory.subarray(0, before)
      this.#room = memory.subarray(before)
    }
    this.#room.set(chunk)
    this.#unread = new Uint8Array(this.#unread.buffer, this.#unread.byteOffset, bytes)
    this.#room = this.#room.subarray(chunk.byteLength)
  }

  #settle(): void {
    if (this.#waiting === undefined || this.#unread.byteLength < this.#waiting.bytes) return
    const { bytes, resolve } = this.#waiting
    this.#waiting = undefined
    resolve(this.#unread.subarray(0, bytes))
    this.#unread = this.#unread.subarray(bytes)
  }

  /** What is there already comes before the news that nothing more does. */
  async #orBroken<T>(start: (resolve: (value: T) => void) => void): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#fail = reject
        start(resolve)
        if (this.#broken !== undefined) reject(this.#broken)
      })
    } finally {
      this.#fail = undefined
      this.#waiting = undefined
      this.#flow = undefined
    }
  }
}
