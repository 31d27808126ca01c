import { Redis } from 'ioredis'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

const MODULE = join(import.meta.dirname, '..', 'module')
const REDIS = 'redis-server'
/** Both for memory checkers: a command to run the server under, and a module that was built for it. */
const WRAPPER = (process.env.PEERGRAD_REDIS_WRAPPER ?? '').split(' ').filter((word) => word !== '')
export const LIBRARY = process.env.PEERGRAD_MODULE ?? join(MODULE, 'dist', 'peergrad.so')

/** Why the module cannot be tested here, or undefined; builds it. */
export const unavailable = whyNot()
/** A test's title with the reason for which it is skipped. */
export const title = (name: string) => (unavailable === undefined ? name : `${name} (skipped: ${unavailable})`)

function whyNot(): string | undefined {
  if (spawnSync(REDIS, ['--version']).error !== undefined) return 'no redis-server: apt-get install redis-server'
  if (process.env.PEERGRAD_MODULE !== undefined) return undefined
  if (spawnSync(process.env.CC ?? 'cc', ['--version']).error !== undefined) return 'no C compiler'
  const { status, stderr } = spawnSync(process.execPath, [join(MODULE, 'build.mjs')], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the module did not build: ${stderr}`)
  return undefined
}

export type Argument = string | number | Buffer

/** A redis-server of one test file, on a socket in a directory of its own, with the module loaded. */
export class ModuleServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'peergrad-redis-'))
  readonly #arguments: readonly string[]
  readonly #clients = new Set<Redis>()
  #process: ChildProcess | undefined
  #log = ''
  #redis: Redis | undefined

  constructor(args: readonly string[] = ['--save', '', '--appendonly', 'no']) {
    this.#arguments = [...args, '--enable-debug-command', 'yes']
  }

  async start(): Promise<this> {
    const place = ['--port', '0', '--unixsocket', join(this.directory, 'socket'), '--dir', this.directory]
    const [command, ...args] = [...WRAPPER, REDIS, ...place, ...this.#arguments, '--loadmodule', LIBRARY]
    const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = server
    this.#log = ''
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        this.#log += chunk.toString()
        if (this.#log.includes('eady to accept connections')) resolve()
      }
      server.stdout.on('data', read)
      server.stderr.on('data', read)
      server.on('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${this.#log}`)))
      server.on('error', reject)
    })
    this.#redis = this.connect()
    return this
  }

  /** Another client; closed with the server. */
  connect(): Redis {
    const redis = new Redis({
      path: join(this.directory, 'socket'),
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null
    })
    redis.on('error', () => {})
    this.#clients.add(redis)
    return redis
  }

  get redis(): Redis {
    return this.#redis!
  }

  /** The reply of a command of Redis; strings as text, an error as its message. */
  async ask(command: string, ...args: Argument[]): Promise<unknown> {
    return await ask(this.redis, command, ...args)
  }

  /** The reply of a command of the module. */
  async pg(command: string, ...args: Argument[]): Promise<unknown> {
    return await this.ask(`PEERGRAD.${command}`, ...args)
  }

  /** Makes a sealed vector. */
  async set(key: string, values: Float32Array | readonly number[]): Promise<void> {
    const vector = Float32Array.from(values)
    expect(await this.pg('SET', key, bytes(vector))).toMatch(/^(OK|SAME)$/)
  }

  async get(key: string): Promise<Float32Array> {
    const [length] = (await this.pg('INFO', key)) as [number]
    return floats((await this.redis.callBuffer('PEERGRAD.READ', key, 0, length)) as Buffer)
  }

  /** Ends it without saving; the directory stays for another start. */
  async halt(): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    this.#clients.clear()
    const server = this.#process
    if (server === undefined || server.exitCode !== null) return
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await ended
  }

  async stop(): Promise<void> {
    await this.halt()
    rmSync(this.directory, { recursive: true })
  }
}

export async function ask(redis: Redis, command: string, ...args: Argument[]): Promise<unknown> {
  try {
    return text(await redis.callBuffer(command, ...args))
  } catch (error) {
    return (error as Error).message
  }
}

function text(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1')
  return Array.isArray(reply) ? reply.map(text) : reply
}

export function bytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
}

export function floats(buffer: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(buffer).buffer)
}

/** Pseudo-random floats of about ±1: a linear congruential generator (Numerical Recipes). */
export function noise(length: number, seed: number): Float32Array {
  const out = new Float32Array(length)
  let state = seed >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[i] = state / 2 ** 31 - 1
  }
  return out
}

/** Compares bits, so −0 is not 0; says where they differ. */
export function expectSameBits(got: Float32Array, expected: Float32Array): void {
  expect(got.length).toBe(expected.length)
  const [a, b] = [got, expected].map((x) => new Int32Array(x.buffer, x.byteOffset, x.length))
  const at = a.findIndex((bits, i) => bits !== b[i])
  expect({ at, got: got[at], expected: expected[at] }).toEqual({ at: -1, got: undefined, expected: undefined })
}
