import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { PeergradError } from '@peergrad/core'
import { fetchPackageFiles } from '../src/data/npm-package.js'

const NAME = 'peergrad-test-data'
let registry: Server
let tarball: Buffer
let integrity: string
let directory: string

beforeAll(async () => {
  const source = mkdtempSync(join(tmpdir(), 'peergrad-registry-'))
  mkdirSync(join(source, 'package'))
  writeFileSync(join(source, 'package', 'package.json'), JSON.stringify({ name: NAME, version: '1.0.0' }))
  writeFileSync(join(source, 'package', 'data.bin'), Buffer.alloc(200_000, 5))
  await create({ cwd: source, file: join(source, 'package.tgz'), gzip: true }, ['package'])
  tarball = readFileSync(join(source, 'package.tgz'))
  rmSync(source, { recursive: true })
  integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  registry = createServer((request, response) => {
    if (request.url?.startsWith('/silent')) return
    if (request.url?.endsWith('.tgz')) return response.end(tarball)
    if (request.url !== `/${NAME}`) return response.writeHead(404).end('{}')
    const dist = { tarball: `${url()}/${NAME}.tgz`, integrity }
    const versions = { '1.0.0': { name: NAME, version: '1.0.0', dist } }
    return response.end(JSON.stringify({ name: NAME, 'dist-tags': { latest: '1.0.0' }, versions }))
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => registry.close(resolve)))
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'peergrad-fetch-'))
  vi.stubEnv('npm_config_cache', join(directory, 'npm'))
  vi.stubEnv('npm_config_registry', url())
  vi.stubEnv('npm_config_fetch_retries', '0')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(directory, { recursive: true })
})

const url = () => `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
const fetch = (change: { version?: string; integrity?: string; signal?: AbortSignal } = {}) =>
  fetchPackageFiles(
    { name: NAME, version: change.version ?? '1.0.0', integrity: change.integrity ?? integrity },
    { directory, wanted: (path) => path === 'data.bin', signal: change.signal }
  )

it("takes a package's files from npm's registry, and leaves nothing behind", async () => {
  const files = await fetch()
  expect([...files.keys()]).toEqual(['data.bin'])
  expect(files.get('data.bin')!.equals(Buffer.alloc(200_000, 5))).toBe(true)
  expect(readdirSync(directory)).toEqual(['npm'])
})

it('refuses a tarball of another integrity', async () => {
  const other = `sha512-${createHash('sha512').update('other').digest('base64')}`
  await expect(fetch({ integrity: other })).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(other)
  })
})

it('says when the registry has it not, or cannot be reached', async () => {
  await expect(fetch({ version: '2.0.0' })).rejects.toMatchObject({ code: 'unreachable' })
  vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9')
  const failed = fetch()
  await expect(failed).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining(NAME) })
  await expect(failed).rejects.toThrow('ECONNREFUSED')
})

it('is given up by a signal', async () => {
  await expect(fetch({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
})

it('says why it was given up while npm fetches, and leaves neither npm nor what it wrote', async () => {
  const controller = new AbortController()
  const asked = once(registry, 'request')
  vi.stubEnv('npm_config_registry', `${url()}/silent`)
  const failed = expect(fetch({ signal: controller.signal })).rejects.toMatchObject({
    code: 'aborted',
    message: 'stopped by SIGTERM'
  })
  const [request] = (await asked) as [IncomingMessage]
  const hungUp = once(request.socket, 'close')
  controller.abort(new PeergradError('aborted', 'stopped by SIGTERM'))
  await failed
  await hungUp
  expect(readdirSync(directory).filter((name) => name !== 'npm')).toEqual([])
})

it('says that its directory cannot be written', async () => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  const source = { name: NAME, version: '1.0.0', integrity }
  const failed = fetchPackageFiles(source, { directory: file, wanted: () => true, signal: undefined })
  await expect(failed).rejects.toMatchObject({ code: 'missing', message: expect.stringContaining('--data-dir') })
})
