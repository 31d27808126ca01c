/** What a server of the test suite answers: RESP2, which clients that ask for RESP3 read as well. */
export type Reply = string | number | null | Uint8Array | Simple | Failure | Reply[]

export class Simple {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
/** An error reply; `text` begins with its word, as on the wire. */
export class Failure {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export const OK = new Simple('OK')

export function encode(reply: Reply): Buffer {
  if (reply === null) return Buffer.from('$-1\r\n')
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`)
  if (reply instanceof Simple) return Buffer.from(`+${reply.text}\r\n`)
  if (reply instanceof Failure) return Buffer.from(`-${reply.text.replace(/[\r\n]+/g, ' ')}\r\n`)
  if (Array.isArray(reply)) return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encode)])
  const bytes = Buffer.from(reply)
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])
}

/** Cuts a stream into commands; what is not whole yet waits for the next part. */
export class Commands {
  #parts: Buffer[] = []
  #held = 0
  #wanted = 0

  push(part: Buffer): Buffer[][] {
    this.#parts.push(part)
    this.#held += part.length
    if (this.#held < this.#wanted) return []
    let bytes = Buffer.concat(this.#parts)
    const commands: Buffer[][] = []
    for (;;) {
      const command = this.#next(bytes)
      if (command === undefined) break
      commands.push(command.args)
      bytes = bytes.subarray(command.end)
    }
    this.#parts = [bytes]
    this.#held = bytes.length
    return commands
  }

  #next(bytes: Buffer): { args: Buffer[]; end: number } | undefined {
    this.#wanted = 0
    let at = 0
    const count = () => {
      const end = bytes.indexOf('\r\n', at)
      if (end < 0) return undefined
      const value = Number(bytes.toString('latin1', at + 1, end))
      at = end + 2
      return value
    }
    const size = count()
    if (size === undefined) return undefined
    const args: Buffer[] = []
    for (let k = 0; k < size; k++) {
      const length = count()
      if (length === undefined) return undefined
      if (bytes.length < at + length + 2) {
        this.#wanted = at + length + 2
        return undefined
      }
      args.push(bytes.subarray(at, at + length))
      at += length + 2
    }
    return { args, end: at }
  }
}
