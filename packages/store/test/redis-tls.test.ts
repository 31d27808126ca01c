import { Arena } from '@peergrad/core'
import { MODULE, redisStore } from '@peergrad/store'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from './free-port.js'
import { guideRights } from './guide-rights.js'
import { moduleRedis } from './redis-places.js'

const FILTERS = new URL('../../../test/compliance/fixtures/filters.mjs', import.meta.url).href
const noOpenssl = spawnSync('openssl', ['version']).error !== undefined && 'there is no openssl here'
const absent = moduleRedis.absent ?? (noOpenssl || undefined)

/** Everything that a driver calls, in a process that trusts our authority, as an operator makes it. */
const PROGRAM = `
  import { Arena, virtualClock } from ${JSON.stringify(import.meta.resolve('@peergrad/core'))}
  import { redisStore } from ${JSON.stringify(import.meta.resolve('@peergrad/store'))}
  const [url] = process.argv.slice(-1)
  const clock = virtualClock()
  const log = () => undefined
  const logger = { debug: log, info: log, warn: (fields, message) => console.error(message, fields), error: log }
  const arena = Arena.create({ bytes: 32 << 20 })
  const store = await redisStore({ url, run: 'run', peer: 'peer', arena, clock, logger })
  const put = async (key, length, value) => {
    const lease = store.lease(length)
    lease.vector.fill(value)
    await store.put(key, lease)
  }
  const parameters = 600_000
  for (const [key, value] of [['w', 10], ['x', 1], ['y', 3]]) await put(key, parameters, value)
  await store.average(['x', 'y'], 'mean')
  const step = { parameters, step: 1, learningRate: 0.5 }
  const filter = { module: ${JSON.stringify(FILTERS)}, export: 'significant', options: { of: 'parameter', threshold: 1 } }
  await store.filter({ from: 'mean', state: 'w', to: 'sent', rest: 'rest', filter, seed: 1, ...step })
  await store.unpack({ from: 'sent', sparse: parameters, length: parameters, to: 'whole' })
  await store.pack({ from: 'whole', sparse: parameters, to: 'again' })
  await store.slice({ from: 'rest', offset: 1, length: 2, to: 'part' })
  await store.join({ from: ['part', 'rest'], to: 'joined' })
  await store.applyUpdate({ from: 'w', to: 'next', gradient: 'mean', optimiser: { name: 'sgd', learningRate: 1 }, ...step })
  clock.advance(24 * 3600 * 1000)
  const { norm } = await store.verify('next')
  const lease = await store.get('next')
  const digests = await Promise.all(['sent', 'again'].map((key) => store.digest(key)))
  console.log(JSON.stringify({
    inStore: store.capabilities.denseInStore,
    values: [...new Set(lease.vector)],
    joined: await store.length('joined'),
    same: digests[0] === digests[1],
    norm
  }))
  await store.delete(await store.keys(''))
  await store.close()
`

describe.skipIf(absent)(absent ?? 'Redis over TLS, as a user with the rights of the guide', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-tls-'))
  const path = (name: string) => join(folder, name)
  let server: ChildProcess
  let url: string
  let shown: string

  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path('key.pem')]
    const { status } = spawnSync('openssl', [
      'req',
      '-x509',
      '-days',
      '2',
      ...key,
      '-out',
      path('cert.pem'),
      ...subject
    ])
    expect(status).toBe(0)
    const port = await freePort()
    url = `rediss://peergrad:secret@localhost:${port}`
    // the server knows one authority, its own: what it shows to clients does for a client too
    shown = `?cert=${path('cert.pem')}&key=${path('key.pem')}`
    const settings = {
      ...{ port: 0, 'tls-port': port, bind: '127.0.0.1', 'tls-auth-clients': 'yes', save: '""', dir: folder },
      ...{ 'tls-cert-file': path('cert.pem'), 'tls-key-file': path('key.pem'), 'tls-ca-cert-file': path('cert.pem') },
      loadmodule: MODULE
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`)
    writeFileSync(path('redis.conf'), [...lines, 'user default off', `user ${guideRights().join(' ')}`].join('\n'), {
      mode: 0o600
    })
    server = spawn('redis-server', [path('redis.conf')], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      let log = ''
      server.stdout?.on('data', (chunk: Buffer) => {
        log += chunk.toString()
        if (log.includes('eady to accept connections')) resolve()
      })
      server.once('exit', () => reject(new Error(log)))
    })
  })
  afterAll(async () => {
    if (server.exitCode === null) {
      server.kill('SIGTERM')
      await once(server, 'exit')
    }
    rmSync(folder, { recursive: true })
  })

  const open = (address: string) => {
    const patience = { connect: 2000, reply: 1000, total: 2000 }
    return redisStore({ url: address, run: 'run', peer: 'other', arena: Arena.create({ bytes: 1 << 20 }), patience })
  }

  /** What the program says at an address: on standard output, and on standard error. */
  const say = async (address: string) => {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: path('cert.pem') }
    const peer = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, address], {
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const said = ['', '']
    peer.stdout.on('data', (chunk: Buffer) => (said[0] += chunk.toString()))
    peer.stderr.on('data', (chunk: Buffer) => (said[1] += chunk.toString()))
    await once(peer, 'close')
    return said
  }

  it('does all its work', async () => {
    const said = await say(url + shown)
    expect(said[1]).toBe('')
    expect(JSON.parse(said[0]!)).toEqual({
      inStore: true,
      values: [9],
      joined: 600_002,
      same: true,
      norm: Math.sqrt(600_000 * 81)
    })
  }, 30_000)

  it('is not let in without the certificate that the server asks for', async () => {
    const [, error] = await say(url)
    expect(error).toMatch(/no Redis at rediss:.*its certificate/)
  }, 30_000)

  it('refuses an authority that it does not know, and a wrong password', async () => {
    await expect(open(url)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/self-signed certificate.*its certificate/) as string
    })
    await expect(open(url.replace('rediss:', 'redis:'))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('rediss://') as string
    })
  })
})
