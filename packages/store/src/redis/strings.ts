import { PeergradError, type Vector } from '@peergrad/core'
import { allOf } from '../all-of.js'
import type { RemoteVectors } from '../remote/vectors.js'
import { bytesOf, chunks } from './chunks.js'
import type { Connection } from './connection.js'

/** What a string of Redis holds at most. */
const LARGEST = 512 << 20

/** Vectors as strings, for any server from 6.2: in chunks, so that no other client waits for long. */
export class Strings implements RemoteVectors {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async write(name: string, vector: Vector): Promise<void> {
    if (vector.byteLength > LARGEST) {
      const message = `store: a vector has ${vector.byteLength} bytes, a string of Redis at most ${LARGEST}; load the module`
      throw new PeergradError('unsupported', message)
    }
    const connection = this.#connection
    for (;;) {
      const { life } = connection
      await allOf(
        chunks(vector).map(({ offset, part }) => connection.call('SETRANGE', name, 4 * offset, bytesOf(part)))
      )
      // a server that was started again in between has the later chunks only
      if (connection.life === life) return
    }
  }

  async read(name: string, into: Vector): Promise<void> {
    await allOf(
      chunks(into).map(async ({ offset, part }) => {
        const first = 4 * offset
        const last = first + Math.max(1, part.byteLength) - 1
        const reply = await this.#connection.callBuffer('GETRANGE', name, first, last)
        take(name, reply, part)
      })
    )
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#connection.call('UNLINK', ...names)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}

/** Copies a reply into a part of a vector. Errors: `missing` when nothing came, `corrupt` for another length. */
export function take(name: string, reply: unknown, part: Vector): void {
  if (!(reply instanceof Uint8Array)) {
    throw new PeergradError('corrupt', `store: "${name}": got ${typeof reply}, expected bytes`, { key: name })
  }
  if (reply.byteLength === 0 && part.byteLength > 0) {
    throw new PeergradError('missing', `store: "${name}" is not on the server any more`, { keys: [name] })
  }
  if (reply.byteLength !== part.byteLength) {
    const message = `store: "${name}": got ${reply.byteLength} bytes, expected ${part.byteLength}`
    throw new PeergradError('corrupt', message, { key: name })
  }
  bytesOf(part).set(reply)
}
