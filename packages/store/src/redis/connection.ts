import { PeergradError, type Logger } from '@peergrad/core'
import type { Redis } from 'ioredis'
import type { RedisAddress } from './address.js'
import { selectDatabase } from './database.js'
import { redisError } from './redis-error.js'
import { Window } from './window.js'

/** Milliseconds: until the first answer, of one try of a call, and of all of them. */
export interface Patience {
  readonly connect: number
  readonly reply: number
  readonly total: number
}

export const PATIENCE: Patience = { connect: 5000, reply: 15_000, total: 40_000 }

export interface ConnectionInit {
  readonly address: RedisAddress
  readonly patience: Patience
  readonly logger?: Logger
}

type Argument = string | number | Buffer
type Call = readonly [command: string, ...args: Argument[]]

/** Transfers that are on their way at once. A server does all calls that it has of one client before it looks at another's. */
const TRANSFERS = 4

/**
 * A connection that comes back. Only calls that may be made twice go over it: a reply that is lost with the connection
 * leaves open whether the server has done the work, so the call is made again, until its time is up.
 */
export class Connection {
  readonly #redis: Redis
  readonly #init: ConnectionInit
  readonly #closing = new AbortController()
  readonly #transfers = new Window(TRANSFERS)
  /** resolves when the database is selected and the server has been asked who it is */
  #ready: Promise<void> | undefined
  #life = ''

  private constructor(init: ConnectionInit, Client: typeof Redis) {
    this.#init = init
    const { connect, reply } = init.patience
    this.#redis = new Client({
      ...init.address.options,
      lazyConnect: true,
      connectTimeout: connect,
      commandTimeout: reply,
      // ioredis would make calls again by itself, also after the deadline
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(50 * times, 500),
      disableClientInfo: true,
      connectionName: 'peergrad'
    })
    this.#redis.on('error', (error: Error) =>
      init.logger?.debug({ error: error.message }, 'the connection to Redis failed')
    )
    this.#redis.on('close', () => (this.#ready = undefined))
  }

  /** Errors: `unreachable`, and `refused` for user and password, each with what to look at. */
  static async open(init: ConnectionInit): Promise<Connection> {
    // few stores are Redis, and every peer would load it
    const { Redis } = await import('ioredis')
    const connection = new Connection(init, Redis)
    try {
      await connection.#connect()
      return connection
    } catch (thrown) {
      connection.#redis.disconnect()
      throw thrown
    }
  }

  /** Changes when the server is another one than before: what it held may be gone. */
  get life(): string {
    return this.#life
  }

  call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#again(command, () => this.#redis.call(command, args))
  }

  /** A call with a chunk among its arguments, or as its reply; with strings as bytes. Few of them are on their way at once. */
  transfer(command: string, ...args: Argument[]): Promise<unknown> {
    const until = this.#patience()
    return this.#transfers.run(() => this.#again(command, () => this.#redis.callBuffer(command, args), until))
  }

  /** A transfer with a call right behind it, which does not wait for its reply: who is killed meanwhile has sent both. */
  transferBoth([command, ...args]: Call, [next, ...rest]: Call): Promise<unknown> {
    const until = this.#patience()
    const make = () => Promise.all([this.#redis.callBuffer(command, args), this.#redis.call(next, rest)])
    return this.#transfers.run(() => this.#again(command, make, until))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#redis.disconnect()
  }

  async #connect(): Promise<void> {
    const { address, patience } = this.#init
    let failure: Error | undefined
    const onError = (error: Error) => (failure = error)
    this.#redis.on('error', onError)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer')), patience.connect)
    })
    try {
      await Promise.race([this.#redis.connect().then(() => this.#introduced()), late])
    } catch (thrown) {
      const error = failure ?? (thrown as Error)
      const known = redisError(error, 'a greeting') ?? redisError(thrown, 'a greeting')
      if (known !== undefined) throw known
      const hint = address.tls
        ? 'check that the port speaks TLS (redis:// if it does not), and its certificate'
        : 'check that redis-server runs there and that this host may connect (rediss:// if it speaks TLS)'
      // OpenSSL ends its sentence with a line break
      const reason = error.message.trim() || 'no answer'
      throw new PeergradError(
        'unreachable',
        `store: no Redis at ${address.shown}: ${reason}; ${hint}`,
        {},
        { cause: error }
      )
    } finally {
      clearTimeout(timer)
      this.#redis.off('error', onError)
    }
  }

  /** Once on each connection, before anything else. */
  #introduced(): Promise<void> {
    if (this.#ready !== undefined) return this.#ready
    const ready = this.#introduce()
    this.#ready = ready
    // one that failed, for there was no connection yet, is no answer for the calls on the next
    ready.catch(() => {
      if (this.#ready === ready) this.#ready = undefined
    })
    return ready
  }

  async #introduce(): Promise<void> {
    // both at once: what follows goes over the same connection
    const [text] = await Promise.all([
      this.#redis.info('server'),
      selectDatabase(this.#redis, this.#init.address.database)
    ])
    this.#life = /^run_id:(\S+)/m.exec(text)?.[1] ?? ''
  }

  /** When a call that is asked for now is given up. */
  #patience(): number {
    return performance.now() + this.#init.patience.total
  }

  async #again(command: string, make: () => Promise<unknown>, until = this.#patience()): Promise<unknown> {
    const { address, patience, logger } = this.#init
    const late = (reason: string, cause?: unknown) => {
      const message = `store: Redis at ${address.shown} did not do ${command} within ${patience.total / 1000} s: ${reason}`
      return new PeergradError('crashed', message, { command }, { cause })
    }
    if (performance.now() > until) throw late('those before it took as long')
    for (let pause = 25; ; pause = Math.min(2 * pause, 500)) {
      if (this.#closing.signal.aborted) throw new PeergradError('aborted', 'store: closed')
      try {
        await this.#introduced()
        return await make()
      } catch (thrown) {
        const error = redisError(thrown, command)
        if (error !== undefined) throw error
        const reason = thrown instanceof Error ? thrown.message : String(thrown)
        if (performance.now() > until) throw late(reason, thrown)
        if (reason === 'Command timed out') {
          // its reply may still come, and would be taken for that of another call's
          this.#redis.disconnect(true)
        }
        logger?.debug({ command, reason }, 'a call to Redis is made again')
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }
}
