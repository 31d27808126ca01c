import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Cli, processesWith, scratch } from '../utils/cli.js'

vi.setConfig({ testTimeout: 120_000 })

test('simulate shows the runs that are over, and says how many are not', async () => {
  const out = scratch()
  const simulate = new Cli(['simulate', '--strategies', 'ring', '--peers', '4,200', '--json', '--out', out])
  await simulate.saw(/ring, 4 peers: .* a round/)
  simulate.process.kill('SIGINT')
  const ended = await simulate.finished
  expect(ended.code).toBe(130)
  const document = JSON.parse(ended.out) as { readonly runs: readonly object[] }
  expect(document.runs).toMatchObject([{ strategy: 'ring', peers: 4 }])
  expect(JSON.parse(readFileSync(join(out, 'simulate.json'), 'utf8'))).toEqual(document)
  expect(ended.err).toContain('peergrad: stopped by SIGINT; 1 of 2 runs are in the table')
})

test('a data set that is fetched is given up with npm, and leaves nothing', async () => {
  const folder = scratch()
  // a registry that never answers
  const registry = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => {
    registry.closeAllConnections()
    registry.close()
  })
  await once(registry, 'listening')
  const { port } = registry.address() as AddressInfo
  writeFileSync(join(folder, 'package.json'), '{}')
  writeFileSync(join(folder, '.npmrc'), `registry=http://127.0.0.1:${port}\ncache=${join(folder, 'npm')}\n`)
  const asked = once(registry, 'request')
  const cache = join(folder, 'cache')
  const data = new Cli(['data', 'cifar10', '--data-dir', cache], { cwd: folder })
  await asked
  data.process.kill('SIGTERM')
  const ended = await data.finished
  expect({ code: ended.code, out: ended.out }).toEqual({ code: 130, out: '' })
  expect(ended.err).toContain('peergrad: stopped by SIGTERM')
  expect(readdirSync(cache)).toEqual([])
  expect(processesWith(cache)).toEqual([])
})

test('a bench is ended with the command that runs it', async () => {
  const bench = new Cli(['bench', 'kernels', '--json'])
  const children = () => processesWith(`run.mjs\0kernels`).filter((pid) => parentOf(pid) === bench.process.pid)
  const [child = 0] = await vi.waitUntil(() => children().length > 0 && children(), { timeout: 60_000 })
  bench.process.kill('SIGTERM')
  expect((await bench.finished).code).toBe(130)
  expect(processesWith(`run.mjs\0kernels`)).not.toContain(child)
})

/** By /proc: the fourth word, after a name that may have spaces. */
function parentOf(pid: number): number {
  const [, after = ''] = /.*\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  return Number(after.split(' ')[1])
}
