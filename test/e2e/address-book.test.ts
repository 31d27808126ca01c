import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { Cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0']

/** The address at which a peer says that it can be joined. */
async function address(peer: Cli): Promise<string> {
  const [, printed] = await peer.saw(/npx peergrad peer --join (\S+)/)
  return printed!
}

test('a peer that comes back by the address of a first one that is gone finds the run by whom it knew besides', async () => {
  const founder = new Cli(['peer', ...SMALL, ...LOOPBACK, '--peers', '4', '--out', scratch()])
  const first = await address(founder)
  const joining = (out: string) => new Cli(['peer', '--join', first, '--memory', '64', ...LOOPBACK, '--out', out])
  const known = (await address(joining(scratch()))).split('/').at(-1)
  const out = scratch()
  const before = joining(out)
  const book = join(out, 'peers.json')
  await expect.poll(() => existsSync(book) && readFileSync(book, 'utf8'), { timeout: 60_000 }).toContain(known)
  before.process.kill('SIGINT')
  founder.process.kill('SIGKILL')
  await Promise.all([before.finished, founder.finished])

  expect(await address(joining(out))).not.toBe(first)
})
