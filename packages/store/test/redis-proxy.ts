import { createConnection, createServer, type Socket } from 'node:net'
import { once } from 'node:events'

/** Between a client and the server behind a unix socket: cuts connections at moments that a test names. */
export class RedisProxy {
  readonly url: string
  readonly #close: () => void
  readonly #sockets: Set<Socket>
  readonly #cuts: Cut[]

  private constructor(port: number, close: () => void, sockets: Set<Socket>, cuts: Cut[]) {
    this.url = `redis://127.0.0.1:${port}`
    this.#close = close
    this.#sockets = sockets
    this.#cuts = cuts
  }

  static async to(path: string): Promise<RedisProxy> {
    const sockets = new Set<Socket>()
    const cuts: Cut[] = []
    const server = createServer((client) => {
      const upstream = createConnection(path)
      let cutting: Cut | undefined
      for (const [from, to] of [
        [client, upstream],
        [upstream, client]
      ] as const) {
        sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => to.destroy())
        from.on('data', (bytes: Buffer) => {
          if (from === client) {
            cutting ??= cuts.find(({ command }) => bytes.includes(command))
            to.write(bytes)
          } else if (cutting === undefined) to.write(bytes)
          else {
            // the server has answered, so it is done; nobody hears of it
            cuts.splice(cuts.indexOf(cutting), 1)
            cutting.done()
            client.destroy()
            upstream.destroy()
          }
        })
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return new RedisProxy(port, () => server.close(), sockets, cuts)
  }

  /** The next call with this word reaches the server, and its reply is lost with the connection. Resolves then. */
  loseReplyTo(command: string): Promise<void> {
    return new Promise((done) => this.#cuts.push({ command: Buffer.from(command), done }))
  }

  close(): void {
    this.#close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

interface Cut {
  readonly command: Buffer
  done(): void
}
