import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { Cli, LEAN, scratch } from '../utils/cli.js'
import { found, joining, LOOPBACK } from '../utils/peers.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

test('a peer that comes back by the address of a first one that is gone finds the run by whom it knew besides', async () => {
  const founder = found('--peers', '4')
  const { address: first } = await joining(founder)
  const comes = (out: string) => new Cli(['peer', '--join', first, ...LEAN, ...LOOPBACK, '--out', out])
  const { address: known } = await joining(comes(scratch()))
  const out = scratch()
  const before = comes(out)
  const book = join(out, 'peers.json')
  await expect
    .poll(() => existsSync(book) && readFileSync(book, 'utf8'), { timeout: 60_000 })
    .toContain(known.split('/').at(-1))
  before.process.kill('SIGINT')
  founder.process.kill('SIGKILL')
  await Promise.all([before.finished, founder.finished])

  expect((await joining(comes(out))).address).not.toBe(first)
})
