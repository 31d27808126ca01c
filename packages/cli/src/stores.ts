import { existsSync } from 'node:fs'
import {
  checkShape,
  GRADIENT_STORE,
  loadPlugin,
  PeergradError,
  pluginError,
  resolvePlugin,
  type GradientStore,
  type Logger,
  type Options,
  type Registry,
  type StoreOpenInit
} from '@peergrad/core'
import { memoryStore, MODULE, parseRedisUrl, PrivateServer, redisAiStore, redisStore } from '@peergrad/store'
import { inTime } from './in-time.js'
import type { Closing } from './peer/closing.js'

export interface StoreInit extends StoreOpenInit {
  readonly options: Options
  /** milliseconds that a plug-in may work on one call of the store, and that a store of a user's may take to open */
  readonly pluginTimeout: number
  /** what is opened is added here, for the caller to close */
  readonly opened: Closing[]
}

/** Where the server is: with a password in it, it is better off in the environment than in the list of processes. */
const REDIS_URL = 'PEERGRAD_REDIS_URL'

/** What a private server takes besides its vectors, and what an allocator takes at most for a byte of these. */
const OVERHEAD = 64 * 2 ** 20
const SLACK = 1.25

type Open = (init: StoreInit) => Promise<GradientStore>

const memory: Open = ({ arena, clock, logger, pluginTimeout }) => memoryStore({ arena, clock, logger, pluginTimeout })

const redis: Open = async ({ options, opened, ...init }) => {
  const url = redisUrl(options) ?? (await privateServer(options, init.peer, init.logger, opened))
  return redisStore({ ...init, url })
}

const redisai: Open = async ({ options, opened: _opened, ...init }) => {
  const url = redisUrl(options)
  if (url === undefined) {
    const message = `store: redisai needs a server that has RedisAI: name it with --redis-url or ${REDIS_URL}`
    throw new PeergradError('argument', message)
  }
  return redisAiStore({ ...init, url })
}

async function privateServer(options: Options, peer: string, logger: Logger, opened: Closing[]): Promise<string> {
  const built = existsSync(MODULE)
  if (!built)
    logger.warn(
      { module: MODULE },
      'our Redis module is not built (npm run build:module): vectors are worked on outside'
    )
  const server = await PrivateServer.start({
    peer,
    memory: SLACK * options.memory * 2 ** 20 + OVERHEAD,
    ...(built && { module: MODULE }),
    logger
  })
  opened.push(server)
  return server.url
}

/** What is to be said of databases that could work on vectors and will not; undefined of any other. */
export function outside(options: Options, module = MODULE): string | undefined {
  if (options.store !== 'redis' || redisUrl(options) !== undefined || existsSync(module)) return undefined
  return 'store: redis without our module, which is not built: peers average and update outside of it; npm run build:module builds it'
}

/** Drivers of the peer's database, by name. */
const STORES: ReadonlyMap<string, Open> = new Map([
  ['auto', memory],
  ['memory', memory],
  ['redis', redis],
  ['redisai', redisai]
])

/** Errors, before anything is opened: `unknown` for a driver that there is not, `argument` for a URL that is none. */
export async function checkStore(options: Options): Promise<void> {
  await driver(options.store)
  const url = redisUrl(options)
  if (url !== undefined) parseRedisUrl(url)
}

/** The built-in drivers, for messages; none of these is imported by its reference. */
export const stores: Registry = {
  kind: 'store',
  entries: new Map(
    [...STORES.keys()].map((name) => [name, { reference: { module: '', export: '', options: {} }, describe: name }])
  )
}

async function driver(text: string): Promise<Open> {
  const builtIn = STORES.get(text)
  if (builtIn !== undefined) return builtIn
  const name = text.split(':', 1)[0] ?? text
  if (STORES.has(name)) {
    const message = `store: got "${text}", but ${name} takes no options; --memory says how much it holds, --redis-url where a server is`
    throw new PeergradError('argument', message, { path: 'store' })
  }
  const plugin = await loadPlugin('store', resolvePlugin(stores, text))
  return async ({ run, peer, arena, clock, logger, pluginTimeout }) => {
    const who = `store ${plugin.name}`
    let opened: unknown
    try {
      opened = await inTime(who, pluginTimeout, Promise.resolve(plugin.open({ run, peer, arena, clock, logger })))
    } catch (thrown) {
      throw pluginError(who, thrown)
    }
    checkShape(`${who}: what it opens`, opened, GRADIENT_STORE)
    return opened
  }
}

/** Hands the URL to the peer processes that this one starts. */
export function passRedisUrl(options: Options): void {
  if (options['redis-url'] !== undefined) process.env[REDIS_URL] = options['redis-url']
}

export function redisUrl(options: Options): string | undefined {
  return options['redis-url'] ?? process.env[REDIS_URL]
}

/** Opens the database of a peer; the caller closes what is in `opened`. */
export async function openStore(init: StoreInit): Promise<GradientStore> {
  const open = await driver(init.options.store)
  const store = await open(init)
  init.opened.push(store)
  return store
}
