import { createServer, isIP, type Server } from 'node:net'
import { PeergradError } from '@peergrad/core'

/** Where a peer would listen. Addresses through a relay are not listened on by a socket. */
const SOCKET = /^\/ip[46]\/([^/]+)\/tcp\/(\d{1,5})(\/|$)/

interface Listening {
  readonly host: string
  readonly port: number
  readonly server: Server
}

/** What the system says of a port that cannot be listened on: fault, and the rest of the sentence. */
const REFUSALS: Readonly<Record<string, readonly [fault: string, what: string]>> = {
  EADDRINUSE: [
    'port-in-use',
    'the port is in use; stop what uses it, name another one, or ask from another host when it is your own peer'
  ],
  EADDRNOTAVAIL: [
    'no-such-address',
    'this machine has no such address; listen on one that it has, or on 0.0.0.0 for all'
  ],
  ENOTFOUND: ['no-such-address', 'that is no address; listen on one that this machine has, or on 0.0.0.0 for all'],
  EACCES: ['port-forbidden', 'this user may not have that port; take one above 1023']
}
export const WILDCARDS: readonly string[] = ['0.0.0.0', '::']

/** Sockets at the places where a peer would listen, for others to be asked to connect to. */
export class Listeners {
  readonly #listening: readonly Listening[]
  readonly #words = new Set<string>()
  readonly #waiting = new Set<() => void>()

  private constructor(listening: readonly Listening[]) {
    this.#listening = listening
    for (const { server } of listening) {
      server.on('connection', (socket) => {
        let text = ''
        socket.setEncoding('utf8').on('data', (part: string) => {
          text += part
          if (text.length > 64) socket.destroy()
        })
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#words.add(text)
          for (const wake of this.#waiting) wake()
        })
      })
    }
  }

  /** All of them, or none. Error `argument` with `data.fault` for the first that cannot be had. */
  static async open(addresses: readonly string[]): Promise<Listeners> {
    const listening: Listening[] = []
    try {
      for (const address of addresses) {
        if (!address.includes('/p2p-circuit')) listening.push(await listen(address))
      }
    } catch (thrown) {
      for (const { server } of listening) server.close()
      throw thrown
    }
    return new Listeners(listening)
  }

  get places(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listening.map(({ host, port }) => ({ host, port }))
  }

  /** Where a connection to this address of the machine would arrive. */
  at(host: string): { readonly host: string; readonly port: number } | undefined {
    const family = isIP(host)
    const same = this.places.filter((place) => isIP(place.host) === family || place.host === '::')
    return same.find((place) => WILDCARDS.includes(place.host) || place.host === host) ?? same[0]
  }

  /** Whether a word was said to one of them, or is within the milliseconds. */
  async heard(word: string, patience: number): Promise<boolean> {
    if (!this.#words.has(word)) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, patience)
        const wake = () => {
          if (!this.#words.has(word)) return
          clearTimeout(late)
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
    return this.#words.has(word)
  }

  close(): void {
    for (const { server } of this.#listening) server.close()
  }
}

async function listen(address: string): Promise<Listening> {
  const [, host = '', port = ''] = SOCKET.exec(address) ?? []
  if (host === '') {
    const message = `listen: got "${address}", expected one such as /ip4/0.0.0.0/tcp/4001; name an address and a TCP port`
    throw new PeergradError('argument', message, { fault: 'no-address' })
  }
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      const [fault, what] = REFUSALS[code] ?? ['cannot-listen', `${message}; name another address`]
      reject(new PeergradError('argument', `${address}: ${what}`, { fault }))
    })
    server.listen({ host, port: Number(port), ipv6Only: false }, resolve)
  })
  const bound = server.address()
  return { host, port: typeof bound === 'object' ? (bound?.port ?? 0) : 0, server }
}
