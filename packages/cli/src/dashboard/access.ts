import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const BYTES = 32

/**
 * Who may see a run: the browser that opens the printed address first. Its token works once and is turned into a
 * cookie that no script can read and no other site can make a browser send.
 */
export class Access {
  readonly #port: number
  readonly #cookie = secret()
  #token: string | undefined = secret()

  constructor(port: number) {
    this.#port = port
  }

  /** The address to open, with the token. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.#token ?? ''}`
  }

  /** Browsers give one cookie to all ports of a host: so its name has the port. */
  get #name(): string {
    return `peergrad-${this.#port}`
  }

  /**
   * Whether the request says that it goes to this server. A page of another site can make its own name lead to this
   * machine (DNS rebinding), but not make the browser say another name.
   */
  isForHere({ headers: { host } }: IncomingMessage): boolean {
    return ['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${this.#port}`)
  }

  /** The `Set-Cookie` for whoever brings the token; undefined for another token, and for the same one again. */
  redeem(token: string | null): string | undefined {
    if (token === null || this.#token === undefined || !same(token, this.#token)) return undefined
    this.#token = undefined
    return `${this.#name}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=/`
  }

  admits({ headers: { cookie = '' } }: IncomingMessage): boolean {
    return cookie.split('; ').some((pair) => {
      const [name, value = ''] = pair.split('=')
      return name === this.#name && same(value, this.#cookie)
    })
  }
}

function secret(): string {
  return randomBytes(BYTES).toString('base64url')
}

/** Takes the same time wherever they differ. */
function same(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return x !== undefined && y !== undefined && timingSafeEqual(x, y)
}
