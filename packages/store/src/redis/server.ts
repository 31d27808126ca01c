import { randomBytes } from 'node:crypto'
import { PeergradError, systemClock, type Arena, type Clock, type GradientStore, type Logger } from '@peergrad/core'
import { spawnThread } from '../compute/node.js'
import { RemotePlace } from '../remote/remote-place.js'
import type { ServerParts } from '../remote/vectors.js'
import { TensorStore } from '../tensor-store.js'
import { parseRedisUrl } from './address.js'
import { Connection, PATIENCE, type Patience } from './connection.js'
import { expireLater } from './expiry.js'

/** What every store on a Redis server is opened with. */
export interface ServerInit {
  /** redis://, rediss:// or unix: address, see docs/guide/store.md */
  readonly url: string
  /** of this run and this peer: keys of earlier lives of the peer are deleted */
  readonly run: string
  readonly peer: string
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together; as many as the arena holds when left out */
  readonly limit?: number
  readonly clock?: Clock
  readonly logger?: Logger
  readonly patience?: Patience
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
}

/** A server that answered, is new enough, and holds nothing of an earlier life of this peer. */
export interface Server {
  /** where it is, without user and password */
  readonly shown: string
  readonly data: Connection
  readonly patience: Patience
  /** begins every key of this life of the peer, and no other's */
  readonly prefix: string
  /** Whether it has a command. COMMAND INFO works under a narrow ACL; MODULE LIST does not. */
  knows(command: string): Promise<boolean>
  /** Another connection, perhaps of another patience, which is closed when the store cannot be opened. */
  connect(patience?: Patience): Promise<Connection>
}

/** How a driver keeps vectors on a server. */
export type Driver = ServerParts & { readonly name: string }

/** A store on a Redis server. `drive` sees what the server can do; when it throws, all connections are closed. */
export async function openOnServer(
  init: ServerInit,
  oldest: readonly [number, number],
  drive: (server: Server) => Promise<Driver>
): Promise<GradientStore> {
  const { url, run, peer, arena, limit = arena.byteLimit, clock = systemClock(), logger, patience = PATIENCE } = init
  const { pluginTimeout } = init
  const address = parseRedisUrl(url)
  const connections: Connection[] = []
  const connect = async (own = patience) => {
    const connection = await Connection.open({ address, patience: own, ...(logger && { logger }) })
    connections.push(connection)
    return connection
  }
  try {
    const data = await connect()
    await check(data, oldest, logger)
    const base = `peergrad:{${run}}:${peer}:`
    await sweep(data, base)
    const prefix = `${base}${randomBytes(4).toString('hex')}:`
    // a user without the right to it would lose what a long run holds, a day later: said now
    await expireLater(data, [prefix])
    const knows = (command: string) => has(data, command)
    const driver = await drive({ shown: address.shown, data, patience, prefix, knows, connect })
    logger?.info(
      { server: address.shown, driver: driver.name, denseInStore: driver.work !== undefined },
      'the database is Redis'
    )
    const place = new RemotePlace({
      ...driver,
      arena,
      limit,
      prefix,
      spawn: spawnThread,
      clock,
      ...(pluginTimeout !== undefined && { pluginTimeout }),
      ...(logger && { logger })
    })
    return new TensorStore(place, clock)
  } catch (thrown) {
    await Promise.all(connections.map((connection) => connection.close()))
    throw thrown
  }
}

/** Error `unsupported` when the server is too old; a warning when it may evict what it holds. */
async function check(
  connection: Connection,
  oldest: readonly [number, number],
  logger: Logger | undefined
): Promise<void> {
  const text = String(await connection.call('INFO'))
  const lines = [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value] as const)
  const info = Object.fromEntries(lines) as Record<string, string | undefined>
  const [major = 0, minor = 0] = (info['redis_version'] ?? '0').split('.').map(Number)
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw new PeergradError(
      'unsupported',
      `store: the server is Redis ${info['redis_version'] ?? 'of no known version'}, expected ${oldest.join('.')} or newer`
    )
  }
  const policy = info['maxmemory_policy'] ?? 'noeviction'
  if (policy !== 'noeviction') {
    logger?.warn({ policy }, 'this Redis may evict vectors when it is full; set maxmemory-policy noeviction')
  }
}

async function has(connection: Connection, command: string): Promise<boolean> {
  const reply = await connection.call('COMMAND', 'INFO', command)
  return Array.isArray(reply) && Array.isArray(reply[0])
}

/** Deletes what an earlier life of this peer left, killed as it was. */
async function sweep(connection: Connection, base: string): Promise<void> {
  const pattern = `${base.replace(/[[\]*?\\]/g, '\\$&')}*`
  let cursor = '0'
  do {
    const reply = (await connection.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)) as [string, string[]]
    cursor = reply[0]
    if (reply[1].length > 0) await connection.call('UNLINK', ...reply[1])
  } while (cursor !== '0')
}
