import { PeergradError } from '@peergrad/core'
import type { RedisOptions } from 'ioredis'

/** Where a server is, and what to say to it. */
export interface RedisAddress {
  /** without user and password: for messages and logs */
  readonly shown: string
  readonly tls: boolean
  readonly options: Pick<RedisOptions, 'host' | 'port' | 'path' | 'username' | 'password' | 'db' | 'tls'>
}

const FORMS =
  'redis://[user:password@]host[:port][/db], rediss://… for TLS, or unix:/path/to.sock[?user=…&password=…&db=…]'

/** Error `argument` with the forms that are understood; never with the password. */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'unix:' && url.pathname.startsWith('/')) {
    const query = (name: string) => url.searchParams.get(name) ?? undefined
    const options = {
      path: decodeURIComponent(url.pathname),
      ...login(query('user'), query('password')),
      ...database(query('db'))
    }
    return { shown: `unix:${url.pathname}`, tls: false, options }
  }
  if ((url?.protocol === 'redis:' || url?.protocol === 'rediss:') && url.hostname !== '') {
    const tls = url.protocol === 'rediss:'
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? 6379 : Number(url.port)
    const options = {
      host,
      port,
      ...login(decoded(url.username), decoded(url.password)),
      ...database(url.pathname.slice(1)),
      ...(tls && { tls: {} })
    }
    return { shown: `${url.protocol}//${url.hostname}:${port}`, tls, options }
  }
  throw new PeergradError('argument', `redis-url: got something else, expected ${FORMS}`)
}

function login(username: string | undefined, password: string | undefined) {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) }
}

function decoded(text: string): string | undefined {
  return text === '' ? undefined : decodeURIComponent(text)
}

function database(text: string | undefined) {
  if (text === undefined || text === '') return {}
  if (/^\d{1,4}$/.test(text)) return { db: Number(text) }
  throw new PeergradError('argument', `redis-url: got the database "${text}", expected a number`)
}
