import { readFileSync } from 'node:fs'
import { PeergradError } from '@peergrad/core'
import type { RedisOptions } from 'ioredis'

/** Where a server is, and what to say to it. */
export interface RedisAddress {
  /** without user and password: for messages and logs */
  readonly shown: string
  readonly tls: boolean
  /** number of the database, which is selected by hand: ioredis goes on in database 0 when it may not */
  readonly database: number
  readonly options: Pick<RedisOptions, 'host' | 'port' | 'path' | 'username' | 'password' | 'tls'>
}

const FORMS =
  'redis://[user:password@]host[:port][/db], rediss://…[?cert=…&key=…] for TLS, or unix:/path/to.sock[?user=…&password=…&db=…]'

/** Error `argument` with the forms that are understood; never with the password. */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'unix:' && url.pathname.startsWith('/')) {
    const query = queryOf(url, ['user', 'password', 'db'])
    const options = { path: plain(url.pathname), ...login(query('user'), query('password')) }
    return { shown: `unix:${url.pathname}`, tls: false, database: numberOf(query('db')), options }
  }
  if ((url?.protocol === 'redis:' || url?.protocol === 'rediss:') && url.hostname !== '') {
    const tls = url.protocol === 'rediss:'
    const query = queryOf(url, tls ? ['cert', 'key'] : [])
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = url.port === '' ? 6379 : Number(url.port)
    const options = {
      host,
      port,
      ...login(decoded(url.username), decoded(url.password)),
      ...(tls && { tls: { ...file('cert', query('cert')), ...file('key', query('key')) } })
    }
    const shown = `${url.protocol}//${url.hostname}:${port}`
    return { shown, tls, database: numberOf(url.pathname.slice(1)), options }
  }
  throw new PeergradError('argument', `redis-url: got something else, expected ${FORMS}`)
}

function login(username: string | undefined, password: string | undefined) {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) }
}

function decoded(text: string): string | undefined {
  return text === '' ? undefined : plain(text)
}

/** Never with the text, which may be the password. */
function plain(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    const message = `redis-url: got a % that stands for no character, expected %25 for the sign itself in ${FORMS}`
    throw new PeergradError('argument', message)
  }
}

/** Words after the question mark, none but these. */
function queryOf({ searchParams }: URL, words: readonly string[]): (word: string) => string | undefined {
  const stray = [...searchParams.keys()].find((word) => !words.includes(word))
  if (stray !== undefined) {
    throw new PeergradError('argument', `redis-url: got "${stray}" after the question mark, expected ${FORMS}`)
  }
  return (word) => searchParams.get(word) ?? undefined
}

function numberOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new PeergradError('argument', `redis-url: got the database "${text}", expected a number`)
}

/** What this client shows a server that asks for a certificate. */
function file(name: 'cert' | 'key', path: string | undefined): { cert?: Buffer; key?: Buffer } {
  if (path === undefined) return {}
  try {
    return { [name]: readFileSync(path) }
  } catch (cause) {
    const message = `redis-url: got ${name}=${path}, expected a PEM file that can be read`
    throw new PeergradError('argument', message, {}, { cause })
  }
}
