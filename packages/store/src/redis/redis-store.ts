import { randomBytes } from 'node:crypto'
import { PeergradError, systemClock, type Arena, type Clock, type GradientStore, type Logger } from '@peergrad/core'
import { spawnThread } from '../compute/node.js'
import { RemotePlace } from '../remote/remote-place.js'
import { TensorStore } from '../tensor-store.js'
import { parseRedisUrl } from './address.js'
import { Connection, PATIENCE, type Patience } from './connection.js'
import { Strings } from './strings.js'
import { ModuleTensors } from './tensors.js'

export interface RedisStoreInit {
  /** redis://, rediss:// or unix: address, see docs/guide/store.md */
  readonly url: string
  /** of this run and this peer: keys of earlier lives of the peer are deleted */
  readonly run: string
  readonly peer: string
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together; as many as the arena holds when left out */
  readonly limit?: number
  /** error `unsupported` when the server cannot work on vectors itself */
  readonly inDatabase?: boolean
  readonly clock?: Clock
  readonly logger?: Logger
  readonly patience?: Patience
}

const OLDEST = [6, 2] as const

/**
 * The `redis` driver: with our module loaded the server averages, aggregates and updates; any other server from 6.2 on
 * keeps the vectors, and they are worked on here.
 */
export async function redisStore(init: RedisStoreInit): Promise<GradientStore> {
  const { url, run, peer, arena, limit = arena.byteLimit, clock = systemClock(), logger, patience = PATIENCE } = init
  const address = parseRedisUrl(url)
  const open = () => Connection.open({ address, patience, ...(logger && { logger }) })
  const data = await open()
  try {
    const server = await ask(data)
    const inDatabase = await knows(data, 'PEERGRAD.UPDATE')
    if (!inDatabase && init.inDatabase === true) {
      const message = `store: Redis at ${address.shown} has no peergrad module, so it cannot work on vectors; start it with --loadmodule peergrad.so (pnpm build:module makes it), or leave --in-database out`
      throw new PeergradError('unsupported', message)
    }
    const evicts = server['maxmemory_policy'] ?? 'noeviction'
    if (evicts !== 'noeviction') {
      logger?.warn({ policy: evicts }, 'this Redis may evict vectors when it is full; set maxmemory-policy noeviction')
    }
    const base = `peergrad:{${run}}:${peer}:`
    await sweep(data, base)
    const vectors = inDatabase ? new ModuleTensors({ data, work: await open() }) : new Strings(data)
    logger?.info({ server: address.shown, denseInStore: inDatabase }, 'the database is Redis')
    const place = new RemotePlace({
      name: 'redis',
      arena,
      limit,
      vectors,
      ...(vectors instanceof ModuleTensors && { work: vectors }),
      prefix: `${base}${randomBytes(4).toString('hex')}:`,
      spawn: spawnThread,
      ...(logger && { logger })
    })
    return new TensorStore(place, clock)
  } catch (thrown) {
    await data.close()
    throw thrown
  }
}

/** What INFO says, and that the server is new enough. */
async function ask(connection: Connection): Promise<Record<string, string>> {
  const text = String(await connection.call('INFO'))
  const lines = [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value] as const)
  const info = Object.fromEntries(lines) as Record<string, string>
  const version = (info['redis_version'] ?? '0').split('.').map(Number)
  if (version[0] > OLDEST[0] || (version[0] === OLDEST[0] && version[1] >= OLDEST[1])) return info
  throw new PeergradError(
    'unsupported',
    `store: the server is Redis ${info['redis_version'] ?? 'of no known version'}, expected ${OLDEST.join('.')} or newer`
  )
}

/** COMMAND INFO works under a narrow ACL; MODULE LIST does not. */
async function knows(connection: Connection, command: string): Promise<boolean> {
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
