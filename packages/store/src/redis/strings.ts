import { PeergradError, type Vector } from '@peergrad/core'
import { allOf } from '../all-of.js'
import { LIFETIME } from '../remote/lifetime.js'
import { notOnServer } from '../remote/not-there.js'
import type { PartedVectors, WritePart } from '../remote/vectors.js'
import { bytesOf, chunks } from './chunks.js'
import type { Connection } from './connection.js'
import { expireLater } from './expiry.js'

/** What a string of Redis holds at most. */
const LARGEST = 512 << 20

/** Vectors as strings, for any server from 6.2, in chunks, so that no other client waits long. An empty one is no string. */
export class Strings implements PartedVectors {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async write(name: string, vector: Vector): Promise<void> {
    if (vector.length === 0) return
    await this.writeParts([name], async (write) => {
      const parts = chunks(vector).reverse()
      // the end first: the server then has room for all of it at once, and no more
      await allOf(parts.map(({ offset, part }) => write(name, offset, part)))
    })
  }

  async writeParts(names: readonly string[], work: (write: WritePart) => Promise<void>): Promise<void> {
    const connection = this.#connection
    for (;;) {
      const { life } = connection
      await work(async (name, offset, part) => {
        checkEnd(4 * offset + part.byteLength)
        // what a peer that is killed now leaves goes too
        await connection.transferBoth(['SETRANGE', name, 4 * offset, bytesOf(part)], ['PEXPIRE', name, LIFETIME])
      })
      const gone = await expireLater(connection, names)
      // a server that was started again in between has the later parts only
      if (connection.life !== life) continue
      if (gone.length > 0) throw notOnServer(gone)
      return
    }
  }

  async read(name: string, into: Vector): Promise<void> {
    await allOf(chunks(into).map(({ offset, part }) => this.readPart(name, offset, part)))
  }

  async readPart(name: string, offset: number, into: Vector): Promise<void> {
    if (into.length === 0) return
    const first = 4 * offset
    const reply = await this.#connection.transfer('GETRANGE', name, first, first + into.byteLength - 1)
    take(name, reply, into)
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#connection.call('UNLINK', ...names)
  }

  async renew(names: readonly string[]): Promise<void> {
    await expireLater(this.#connection, names)
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
  if (reply.byteLength === 0 && part.byteLength > 0) throw notOnServer([name])
  if (reply.byteLength !== part.byteLength) {
    const message = `store: "${name}": got ${reply.byteLength} bytes, expected ${part.byteLength}`
    throw new PeergradError('corrupt', message, { key: name })
  }
  bytesOf(part).set(reply)
}

function checkEnd(bytes: number): void {
  if (bytes <= LARGEST) return
  const message = `store: a vector has ${bytes} bytes or more, a string of Redis at most ${LARGEST}; load the module`
  throw new PeergradError('unsupported', message)
}
