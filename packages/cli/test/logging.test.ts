import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveOptions } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLog, STANDARD_ERROR, type LogInit } from '../src/logging/log.js'
import { readable } from '../src/logging/readable.js'
import { secretsOf } from '../src/logging/secrets.js'

const SECRET = 'pass"word\\with ünusual text'
const INVITATION = 'peergrad1.eyJydW4iOiJhYiJ9.c2lnbmF0dXJl'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-logging-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** What is in the file once `work` has logged. */
function logged(work: (log: ReturnType<typeof openLog>) => void, init: Partial<LogInit> = {}) {
  const file = join(folder, 'peer.log')
  work(openLog({ file, level: 'debug', secrets: [SECRET], ...init }))
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  return { text, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

test('a line is JSON with time, level, message and facts; what is below the level is left out', () => {
  const { lines } = logged(
    (log) => {
      log.debug({}, 'no')
      log.warn({ peer: 'p', phases: { compute: 1.5 } }, 'suspected')
    },
    { level: 'info' }
  )
  expect(lines).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      peer: 'p',
      phases: { compute: 1.5 },
      msg: 'suspected'
    }
  ])
})

describe('nobody logs', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a field', { given: SECRET }, 'x'],
    ['deep in the fields', { a: [{ b: { c: `before ${SECRET} after` } }] }, 'x'],
    ['the name of a field', { [SECRET]: 1 }, 'x'],
    ['an error', { error: new Error(`could not use ${SECRET}`) }, 'x'],
    ['the message', {}, `could not use ${SECRET}`]
  ])('a secret in %s', (_where, fields, message) => {
    const { text } = logged((log) => log.info(fields, message))
    expect(text).not.toContain('ünusual')
    expect(text).toContain('…')
  })

  test('what is called a secret, an invitation of anybody, or a password in a URL', () => {
    const { text } = logged((log) => {
      log.info({ password: 'hidden-1', store: { secret: 'hidden-2' } }, 'x')
      log.info({ error: `refused ${INVITATION}.` }, `got ${INVITATION}`)
      log.error({ url: 'rediss://user:hidden-3@host:1/0' }, 'redis+tls://:hidden-4@host: gone')
    })
    expect(text).not.toMatch(/hidden|eyJydW4|c2ln/)
    expect(text).toContain('rediss://…@host:1/0')
  })

  test.each<[string, unknown]>([
    ['a vector', new Float32Array([0.1234567, 0.7654321])],
    ['its bytes', new Uint8Array(4096).fill(123)],
    ['its memory', new SharedArrayBuffer(8)],
    ['a view of it', new DataView(new ArrayBuffer(8))],
    ['its numbers', Array.from({ length: 1000 }, () => 0.1234567)],
    ['several', [{ vector: new Float64Array(3).fill(0.1234567) }]]
  ])('%s', (_what, value) => {
    const { text } = logged((log) => log.info({ value, nested: { value } }, 'x'))
    expect(text).not.toMatch(/0\.1234|123,|"0":/)
    expect(text).toMatch(/of \d+ bytes|1000 numbers/)
  })

  test('more than a line: long texts and lists are cut, and what goes in circles ends', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const { text } = logged((log) =>
      log.warn({ reason: 'r'.repeat(1e6), peers: Array.from({ length: 1e4 }, () => 'p'), circle }, 'x')
    )
    expect(text.length).toBeLessThan(4000)
    expect(text).toContain('9900 more')
  })
})

describe('on standard error', () => {
  test('a person at a terminal gets text, in which nothing moves the cursor', () => {
    const said: string[] = []
    const log = openLog({ file: STANDARD_ERROR, level: 'info', secrets: [SECRET], terminal: (line) => said.push(line) })
    log.info({ other: 'q', reason: `\u001b[2J ${SECRET} \u202e` }, 'refused\r')
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}info {3}refused� {2}other=q {2}reason="/)
    expect(said[0]).not.toMatch(/ünusual|[\p{Cc}\p{Cf}]/u)
  })

  test('a warning is coloured, and a fact is quoted where it has to be', () => {
    const line = JSON.stringify({
      level: 'warn',
      time: '2026-01-02T03:04:05.678Z',
      a: 'b c',
      n: 3,
      o: { x: 1 },
      msg: 'm'
    })
    expect(readable(line)).toBe('\u001b[33m03:04:05.678  warn   m  a="b c"  n=3  o={"x":1}\u001b[0m')
  })

  test('a program gets what a file would', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    openLog({ file: STANDARD_ERROR, level: 'info', secrets: [] }).info({ a: 1 }, 'x')
    const lines = write.mock.calls.map(([line]) => JSON.parse(String(line)) as object)
    write.mockRestore()
    expect(lines).toEqual([expect.objectContaining({ level: 'info', a: 1, msg: 'x' })])
  })
})

describe('the secrets of a peer are those that it was given', () => {
  const of = (flags: Record<string, string>) => secretsOf(resolveOptions({ flags }).options)

  test('as options', () => {
    const secrets = of({ 'redis-url': 'redis://me:a%20b@host', invitation: INVITATION })
    expect(secrets.sort()).toEqual(['a b', 'a%20b', INVITATION].sort())
    expect(of({ 'redis-url': 'unix:/run/redis.sock?password=c' })).toEqual(['c'])
    expect(of({ 'redis-url': 'redis://:p%zz@host' })).toEqual(['p%zz'])
    expect(of({})).toEqual([])
  })

  test('in files', () => {
    const [secret, invitation] = ['secret', 'invitation'].map((name) => join(folder, name)) as [string, string]
    writeFileSync(secret, `${SECRET}\n`)
    writeFileSync(invitation, `${INVITATION}\n`)
    expect(of({ 'secret-file': secret, invitation })).toEqual([SECRET, INVITATION])
  })

  test('in the environment', () => {
    vi.stubEnv('PEERGRAD_SECRET', SECRET)
    vi.stubEnv('PEERGRAD_REDIS_URL', 'redis://:d@host')
    expect(new Set(of({}))).toEqual(new Set([SECRET, 'd']))
  })
})
