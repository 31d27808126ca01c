import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { PeergradError, type Logger } from '@peergrad/core'
import { pidFileOf, privateFolder, socketOf } from './private-folder.js'

export interface PrivateServerInit {
  /** of the peer: its next life finds what this one left behind */
  readonly peer: string
  /** bytes; `maxmemory` of the server */
  readonly memory: number
  /** path of our module, when it is built; left out of a server that is too old for it */
  readonly module?: string
  readonly logger?: Logger
}

/** Milliseconds that a server may take to answer, and to end. */
const START = 10_000
const END = 2000
/** Milliseconds after which it is asked again, on another connection. */
const ASK_AGAIN = 1000
/** Ends a process with the one that started it, also when that is killed; util-linux has it. */
const LEASH = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'SIGKILL', '--'] : []
/** Of Redis, that our module needs. */
const OLDEST_WITH_MODULE = 7
/** Times that one is started again in a life of the peer. */
const RESTARTS = 3

/** Where `npm run build:module` puts our module. */
export const MODULE = join(import.meta.dirname, '../../module/dist/peergrad.so')

/**
 * A `redis-server` of one peer, on a unix socket that only this user can open, with nothing on disk. One that ends unasked
 * is started again, empty. It ends with the peer, also one that is killed; where the system cannot do that (see LEASH), the
 * next start of the peer ends it.
 */
export class PrivateServer {
  readonly url: string
  readonly #folder: string
  readonly #args: readonly string[]
  readonly #logger: Logger | undefined
  #process: ChildProcess
  #restarts = 0
  #closing = false

  private constructor(folder: string, args: readonly string[], logger: Logger | undefined) {
    this.#folder = folder
    this.#args = args
    this.#logger = logger
    this.url = `unix:${socketOf(folder)}`
    this.#process = this.#spawn()
  }

  /**
   * Errors: `missing` when there is no redis-server, `refused` when its folder is not ours alone, `argument` when the path of
   * its socket is too long, `crashed` when it ends at once, with what it said.
   */
  static async start({ peer, memory, module: built, logger }: PrivateServerInit): Promise<PrivateServer> {
    const version = majorVersion()
    const module = version < OLDEST_WITH_MODULE ? undefined : built
    if (module !== built)
      logger?.warn(
        { version },
        `redis-server is too old for our module, which needs ${OLDEST_WITH_MODULE}.0: vectors are worked on outside`
      )
    const folder = await privateFolder(peer, logger)
    const settings = {
      port: '0',
      unixsocket: socketOf(folder),
      unixsocketperm: '700',
      pidfile: pidFileOf(folder),
      dir: folder,
      save: '',
      appendonly: 'no',
      maxmemory: String(memory),
      'maxmemory-policy': 'noeviction',
      ...(module !== undefined && { loadmodule: module })
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const server = new PrivateServer(folder, args, logger)
    try {
      await server.#answers()
    } catch (thrown) {
      await server.close()
      throw thrown
    }
    server.#watch()
    logger?.info({ pid: server.pid, module: module !== undefined }, 'a private redis-server is started')
    return server
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  async close(): Promise<void> {
    this.#closing = true
    const child = this.#process
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.ref()
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), END)
      await exited
      clearTimeout(late)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }

  #spawn(): ChildProcess {
    const file = openSync(this.#log, 'a', 0o600)
    const [command, ...args] = [...LEASH, 'redis-server', ...this.#args] as [string, ...string[]]
    const child = spawn(command, args, { stdio: ['ignore', file, file], detached: true })
    closeSync(file)
    return child
  }

  get #log(): string {
    return join(this.#folder, 'redis.log')
  }

  /** Starts another one when it ends unasked. The peer's process does not wait for it to end. */
  #watch(): void {
    const child = this.#process
    child.unref()
    child.once('exit', (code, signal) => {
      if (this.#closing) return
      // one that was told to shut down was told by somebody
      const again = code !== 0 && this.#restarts < RESTARTS
      this.#logger?.warn({ code, signal, again }, 'the private redis-server ended unasked')
      if (!again) return
      this.#restarts++
      this.#process = this.#spawn()
      this.#process.once('error', () => undefined)
      this.#watch()
    })
  }

  /** Resolves when the first one answers. */
  async #answers(): Promise<void> {
    const child = this.#process
    let failure: (code: number | null, signal: NodeJS.Signals | null) => void = () => undefined
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (cause) => {
        const message = `store: redis-server could not be started: ${cause.message}`
        reject(new PeergradError('crashed', message, {}, { cause }))
      })
      failure = (code, signal) => {
        const said = readFileSync(this.#log, 'utf8').trim().slice(-500)
        reject(new PeergradError('crashed', `store: redis-server ended at once (${signal ?? code}): ${said}`))
      }
      child.once('exit', failure)
    })
    try {
      await Promise.race([answers(socketOf(this.#folder)), failed])
    } finally {
      // its log may be gone when it ends later, in the way of another life of the peer
      child.off('exit', failure)
    }
  }
}

/** Version of the redis-server of this machine: undefined when there is none, empty when it does not say. */
export function redisServerVersion(): string | undefined {
  const { error, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return error === undefined ? (/ v=(\S+)/.exec(stdout)?.[1] ?? '') : undefined
}

/** NaN when it does not say. */
function majorVersion(): number {
  const version = redisServerVersion()
  if (version !== undefined) return Number.parseInt(version)
  const message =
    'store: there is no redis-server here; install one (apt-get install redis-server), or name one with --redis-url'
  throw new PeergradError('missing', message)
}

/** Resolves when a server answers at the socket. */
async function answers(path: string): Promise<void> {
  const until = performance.now() + START
  for (;;) {
    if (await answersNow(path)) return
    if (performance.now() > until)
      throw new PeergradError('timeout', `store: redis-server did not answer within ${START} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function answersNow(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.setTimeout(ASK_AGAIN, () => socket.destroy())
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (bytes: Buffer) => {
      socket.destroy()
      resolve(bytes.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
