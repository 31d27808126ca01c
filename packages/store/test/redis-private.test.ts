import { Arena, type Logger } from '@peergrad/core'
import { PrivateServer, redisStore } from '@peergrad/store'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { because, moduleRedis, plainRedis } from './redis-places.js'

const MEMORY = 16 << 20
afterEach(() => vi.unstubAllEnvs())

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-private-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

describe.skipIf(plainRedis.absent)(`a private server${because(plainRedis)}`, () => {
  it('ends with its peer, and what a killed peer left is ended by the next', async () => {
    const first = await PrivateServer.start({ peer: 'left-behind', memory: MEMORY })
    const second = await PrivateServer.start({ peer: 'left-behind', memory: MEMORY })
    expect(() => process.kill(first.pid ?? 0, 0)).toThrow()
    const store = await redisStore({ url: second.url, run: 'r', peer: 'p', arena: Arena.create({ bytes: 1 << 20 }) })
    await store.close()
    await second.close()
    expect(existsSync(second.url.slice('unix:'.length))).toBe(false)
    expect(() => process.kill(second.pid ?? 0, 0)).toThrow()
  })

  it('that stands still is ended by the next life of its peer', async () => {
    const folder = join(tmpdir(), `peergrad-${userInfo().uid}`, 'redis-stopped')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const place = ['--unixsocket', join(folder, 'redis.sock'), '--pidfile', join(folder, 'redis.pid')]
    const left = spawn('redis-server', ['--port', '0', '--save', '', ...place], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    onTestFinished(() => void left.kill('SIGKILL'))
    let log = ''
    for await (const chunk of left.stdout) if ((log += String(chunk)).includes('eady to accept connections')) break
    const ended = once(left, 'exit')
    left.kill('SIGSTOP')
    const server = await PrivateServer.start({ peer: 'stopped', memory: MEMORY })
    expect(await ended).toEqual([null, 'SIGKILL'])
    await server.close()
  })

  it.skipIf(moduleRedis.absent)('that is too old for our module goes without it, and says so', async () => {
    const folder = scratch()
    const real = spawnSync('sh', ['-c', 'command -v redis-server'], { encoding: 'utf8' }).stdout.trim()
    const old = `#!/bin/sh
      [ "$1" = --version ] && echo 'Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64 build=0' && exit
      echo "$@" > ${folder}/arguments
      exec ${real} "$@"`
    writeFileSync(join(folder, 'redis-server'), old, { mode: 0o755 })
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
    const warnings: string[] = []
    const log = () => undefined
    const logger: Logger = { debug: log, info: log, warn: (_, message) => warnings.push(message), error: log }
    const server = await PrivateServer.start({ peer: 'old', memory: MEMORY, module: moduleRedis.module!, logger })
    onTestFinished(() => server.close())
    expect(readFileSync(join(folder, 'arguments'), 'utf8')).not.toContain('loadmodule')
    expect(warnings).toEqual([expect.stringContaining('too old for our module, which needs 7.0')])
  })

  it.each<[string, (path: string) => void]>([
    [
      'a folder that others may enter',
      (path) => {
        mkdirSync(path)
        chmodSync(path, 0o755)
      }
    ],
    ['a link', (path) => symlinkSync(scratch(), path)],
    ['a file', (path) => writeFileSync(path, '')]
  ])('is not started where there is %s in the place of its folder', async (_, make) => {
    const place = scratch()
    vi.stubEnv('TMPDIR', place)
    make(join(place, `peergrad-${userInfo().uid}`))
    await expect(PrivateServer.start({ peer: 'p', memory: MEMORY })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/expected a folder of user \d+ with mode 700: delete it, set TMPDIR/) as string
    })
  })

  it('that takes connections and says nothing is given up', async () => {
    const folder = scratch()
    const asked = join(folder, 'asked')
    const silent = `#!/bin/sh
      [ "$1" = --version ] && echo 'Redis server v=7.4.0' && exit
      exec '${process.execPath}' -e '
        const { argv } = process
        const accepts = () => require("node:fs").writeFileSync("${asked}", "")
        require("node:net").createServer(accepts).listen(argv[argv.indexOf("--unixsocket") + 1])' -- "$@"`
    writeFileSync(join(folder, 'redis-server'), silent, { mode: 0o755 })
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
    // its time is up once it has been asked
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (existsSync(asked) ? Infinity : 0))
    onTestFinished(() => now.mockRestore())
    await expect(PrivateServer.start({ peer: 'silent', memory: MEMORY })).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('redis-server did not answer within 10000 ms') as string
    })
  })

  it('is not started where the path of its socket is too long', async () => {
    const place = join(scratch(), 'x'.repeat(80))
    mkdirSync(place)
    vi.stubEnv('TMPDIR', place)
    await expect(PrivateServer.start({ peer: 'p', memory: MEMORY })).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringMatching(/redis\.sock has \d+ bytes, expected at most 103: set TMPDIR/) as string
    })
  })

  const leash = existsSync('/usr/bin/setpriv')
  it.skipIf(!leash)('ends with a peer that is killed', async () => {
    const program = `import { PrivateServer } from ${JSON.stringify(import.meta.resolve('@peergrad/store'))}
      const server = await PrivateServer.start({ peer: 'killed', memory: 1e7 })
      process.send(server.pid)`
    const peer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: [0, 1, 2, 'ipc'] })
    const [pid] = (await once(peer, 'message')) as [number]
    process.kill(pid, 0)
    peer.kill('SIGKILL')
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false)
  })
})

it('without redis-server, a private one is refused with what to do', async () => {
  vi.stubEnv('PATH', '/nowhere')
  await expect(PrivateServer.start({ peer: 'nobody', memory: 1e6 })).rejects.toMatchObject({
    code: 'missing',
    message: expect.stringContaining('apt-get install redis-server') as string
  })
})
