import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Cli, LEAN, processesWith, scratch, SMALL } from '../utils/cli.js'
import { exchanging } from './strategies.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000 })

/** Milliseconds that a peer has to leave. */
const LEAVE = 2000
const ENDLESS = ['--epochs', '100000']

/** Resolves when the events hold a round of every peer. */
async function training(cli: Cli, out: string, peers: number): Promise<void> {
  const rounds = () => {
    const file = join(out, 'events.ndjson')
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
    return lines.flatMap((line) =>
      line.includes('"type":"round"') ? [(JSON.parse(line) as { peer: string }).peer] : []
    )
  }
  await expect
    .poll(() => (cli.process.exitCode === null ? new Set(rounds()).size : cli.err), { timeout: 60_000 })
    .toBe(peers)
}

const checkpoints = (folder: string) =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.safetensors'))

const strategies = await exchanging('spirt')

describe('a signal', () => {
  it.each(strategies)('SIGINT to train with %s: all leave within 2 s, with a checkpoint each', async (strategy) => {
    const out = scratch()
    const train = new Cli(['train', ...SMALL, ...ENDLESS, '--peers', '3', '--strategy', strategy, '--out', out])
    await training(train, out, 3)
    const asked = performance.now()
    train.process.kill('SIGINT')
    const { code, err } = await train.finished
    expect(performance.now() - asked).toBeLessThan(LEAVE)
    expect(code, err).toBe(130)
    expect(processesWith(out)).toEqual([])
    expect(checkpoints(out)).toHaveLength(3)
  })

  it('SIGTERM to one peer: it leaves within 2 s with a checkpoint, and the other one goes on', async () => {
    const [own, others] = [scratch(), scratch()]
    const local = ['--listen', '/ip4/127.0.0.1/tcp/0']
    const founder = new Cli(['peer', ...SMALL, ...ENDLESS, ...local, '--peers', '2', '--min-peers', '1', '--out', own])
    const [, address = ''] = await founder.saw(/npx peergrad peer --join (\S+)/)
    const other = new Cli(['peer', '--join', address, ...local, ...LEAN, '--out', others])
    await training(founder, own, 1)
    const asked = performance.now()
    founder.process.kill('SIGTERM')
    const { code, err } = await founder.finished
    expect(performance.now() - asked).toBeLessThan(LEAVE)
    expect(code, err).toBe(130)
    expect(checkpoints(own)).toHaveLength(1)

    const alone = () => /"members":\["\w+"\]/.test(readFileSync(join(others, 'events.ndjson'), 'utf8'))
    await expect.poll(alone, { timeout: 60_000 }).toBe(true)
    expect(other.process.exitCode).toBeNull()
  })
})

describe('what does not leave', () => {
  /** `train` with a child that is stopped, and so cannot leave. */
  async function stuck(): Promise<{ train: Cli; out: string; child: number }> {
    const out = scratch()
    const train = new Cli(['train', ...SMALL, ...ENDLESS, '--peers', '2', '--out', out])
    await training(train, out, 2)
    const [child] = processesWith(`--out=${out}/peer-1`)
    process.kill(child!, 'SIGSTOP')
    onTestFinished(() => {
      for (const pid of processesWith(`--out=${out}/peer-`)) process.kill(pid, 'SIGKILL')
    })
    return { train, out, child: child! }
  }

  it('is ended at once by a second signal', async () => {
    const { train, out } = await stuck()
    train.process.kill('SIGINT')
    await train.saw(/Ctrl\+C again: at once/)
    // one Ctrl+C may reach a process twice, so that what comes within a second of the first does not count
    const again = setInterval(() => train.process.kill('SIGINT'), 100)
    onTestFinished(() => clearInterval(again))
    const asked = performance.now()
    const { code } = await train.finished
    expect(code).toBe(130)
    expect(performance.now() - asked).toBeLessThan(LEAVE)
    await expect.poll(() => processesWith(`--out=${out}/peer-`), { timeout: 10_000 }).toEqual([])
  })

  it('does not outlive a train that was killed, once it can end', async () => {
    const { train, out, child } = await stuck()
    train.process.kill('SIGKILL')
    await train.finished
    process.kill(child, 'SIGCONT')
    await expect.poll(() => processesWith(`--out=${out}/peer-`), { timeout: 10_000 }).toEqual([])
  })
})
