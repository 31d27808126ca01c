import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MODULE, redisServerVersion } from '@peergrad/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { data, dataToldOf } from '../../src/doctor/machine/data.js'
import { disk } from '../../src/doctor/machine/disk.js'
import { engine } from '../../src/doctor/machine/engine.js'
import { listen } from '../../src/doctor/machine/listen.js'
import { memory } from '../../src/doctor/machine/memory.js'
import { openFiles } from '../../src/doctor/machine/open-files.js'
import { store } from '../../src/doctor/machine/store.js'
import { versions } from '../../src/doctor/machine/versions.js'
import type { Finding } from '../../src/doctor/finding.js'
import { closedPort, folder, listening, optionsOf } from './support.js'

const PROGRAM = join(import.meta.dirname, '../../bin/peergrad.js')
const said = ({ status, fault }: Finding) => (fault === undefined ? status : `${status} ${fault}`)

describe('this machine', () => {
  test('an old Node', () => {
    expect([versions('20.18.9'), versions('20.19.0'), versions('24.0.1')].map(said)).toEqual([
      'fail old-node',
      'ok',
      'ok'
    ])
  })

  test.each([
    ['/ip4/192.0.2.1/tcp/0', 'fail no-such-address'],
    ['/ip4/127.0.0.1/udp/4001', 'fail no-address'],
    ['/ip4/127.0.0.1/tcp/0', 'ok']
  ])('listens on %s: %s', async (address, expected) => {
    const { finding, listeners } = await listen(optionsOf({ listen: [address] }))
    listeners?.close()
    expect(said(finding)).toBe(expected)
  })

  test('an engine that is not there, is none, or is chosen by itself', () => {
    const has = [
      { name: 'gpu', available: false, why: 'pnpm add gpu' },
      { name: 'wasm', available: true, version: '4', why: '' }
    ]
    expect(said(engine({ engine: 'auto' }, has))).toBe('ok')
    expect(engine({ engine: 'gpu' }, has)).toMatchObject({ fault: 'no-engine', advice: 'pnpm add gpu' })
    expect(engine({ engine: 'wsam' }, has).advice).toContain('did you mean "wasm"')
    expect(said(engine({ engine: 'auto' }, has.slice(0, 1)))).toBe('fail no-engine')
  })

  test('memory and open files, by what is to be had', () => {
    const options = { memory: 1024 }
    expect([memory(options, 8e9), memory(options, 1e9)].map(said)).toEqual(['ok', 'warn little-memory'])
    expect([openFiles(4, 1024), openFiles(4, 300), openFiles(4, 200), openFiles(4, Infinity)].map(said)).toEqual([
      'ok',
      'warn few-open-files',
      'fail few-open-files',
      'ok'
    ])
  })

  test('a place that cannot be written to', () => {
    expect(said(disk(optionsOf()))).toBe('ok')
    expect(said(disk(optionsOf({ out: '/proc/nowhere' })))).toMatch(/^fail/)
  })

  test('data that are here, not here, or still to be fetched', async () => {
    const options = optionsOf()
    expect(said(await data('mnist', options))).toBe('ok')
    expect(said(await data('synthetic:train=10', options))).toBe('ok')
    expect(said(await data('cifar10', options))).toBe('warn data-not-fetched')
    expect(said(await dataToldOf('synthetic:train=10', options))).toBe('ok')
    const module = join(mkdtempSync(join(tmpdir(), 'peergrad-doctor-')), 'theirs.mjs')
    writeFileSync(module, 'globalThis.isLoaded = true')
    expect(said(await dataToldOf(module, options))).toBe('warn data-of-others')
    expect('isLoaded' in globalThis).toBe(false)
    const missing = await data('idx:dir=/nowhere', options)
    expect(missing).toMatchObject({ status: 'fail', fault: 'no-data' })
    expect(missing.found).toContain('/nowhere/train-images-idx3-ubyte')
    expect(said(await data('mnits', options))).toBe('fail no-data')
  })

  test('data as this machine has them, by --data', async () => {
    const moved = await data('idx:dir=/elsewhere', optionsOf({ data: '/nowhere' }))
    expect(moved.found).toContain('/nowhere/train-images-idx3-ubyte')
    expect(said(await data('mnist', optionsOf({ data: folder })))).toBe('fail no-data')
  })

  test('several at once, by the command, with few files to open: each is named, and nothing else', async () => {
    const port = await listening()
    const flags = `--json --port ${port} --dataset idx:dir=/nowhere --memory 64 --data-dir ${folder} --out ${folder}/out`
    const command = `ulimit -n 160 && exec ${process.execPath} ${PROGRAM} doctor ${flags}`
    const { status, stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
    const document = JSON.parse(stdout) as { sections: { findings: Finding[] }[] }
    const found = document.sections.flatMap(({ findings }) => findings).filter((each) => each.status !== 'ok')
    expect(found.map(said)).toEqual(['fail port-in-use', 'fail few-open-files', 'fail no-data'])
    expect(status).toBe(7)
  })
})

const absent = redisServerVersion() === undefined ? 'no redis-server' : undefined

describe.skipIf(absent !== undefined)(`the store${absent === undefined ? '' : ` (skipped: ${absent})`}`, () => {
  const socket = join(mkdtempSync(join(tmpdir(), 'peergrad-redis-')), 'socket')
  const args = ['--port', '0', '--unixsocket', socket, '--save', '', '--requirepass', 'right']
  let server: ReturnType<typeof spawn>
  beforeAll(async () => {
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve) => {
      server.stdout?.on('data', (text: Buffer) => text.toString().includes('eady to accept') && resolve())
    })
  })
  afterAll(() => server.kill())
  const at = (url: string) => store(optionsOf({ store: 'redis', 'redis-url': url }), 'test')

  test('with a wrong password, which is not said, and with none', async () => {
    const wrong = await at(`unix:${socket}?password=hunter2`)
    expect(said(wrong)).toBe('fail store-refuses')
    expect(JSON.stringify(wrong)).not.toContain('hunter2')
    expect(said(await at(`unix:${socket}`))).toBe('fail store-refuses')
  })

  test('without our module', async () => {
    const finding = await at(`unix:${socket}?password=right`)
    expect(said(finding)).toBe('warn no-module')
    expect(finding.advice).toContain('--loadmodule')
  })

  test('where no server is', async () => {
    expect(said(await at(`redis://127.0.0.1:${await closedPort()}`))).toBe('fail store-unreachable')
  })

  test.skipIf(!existsSync(MODULE))('a private one with our module, and memory', async () => {
    const finding = await store(optionsOf({ store: 'redis' }), 'test')
    expect(finding).toMatchObject({ status: 'ok', data: { denseInStore: true } })
    expect(said(await store(optionsOf(), 'test'))).toBe('ok')
  })

  test('a private one where there is no redis-server', async () => {
    const path = process.env['PATH']
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    process.env['PATH'] = empty
    try {
      expect(said(await store(optionsOf({ store: 'redis' }), 'test'))).toBe('fail no-redis-server')
      expect((await store(optionsOf(), 'test')).found).toContain('there is no redis-server here')
    } finally {
      process.env['PATH'] = path
    }
  })
})
