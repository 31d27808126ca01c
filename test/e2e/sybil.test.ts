import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { Cli, cli, scratch, SMALL } from '../utils/cli.js'
import { joining, LOOPBACK } from '../utils/peers.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 240_000 })

/** `pnpm test:attacks`: what takes minutes, too. That a sybil comes at all is in peer.test.ts. */
const ALL = process.env['PEERGRAD_ATTACKS'] === 'all'

const HONEST = 3
const IDENTITIES = 2
const SYBIL = `sybil:identities=${IDENTITIES},factor=10`
const RUN = ['--peers', String(HONEST + IDENTITIES), '--evaluate-every', '0', '--json']

interface Result {
  readonly accuracy: number
  readonly peers: readonly { readonly id: string; readonly parametersHash: string }[]
}

/** Three honest peers of a run, each with its directory, and the command by which others come. */
async function honest(...more: readonly string[]) {
  const folders = Array.from({ length: HONEST }, () => scratch())
  const founder = new Cli(['peer', ...SMALL, ...LOOPBACK, ...RUN, ...more, '--out', folders[0]!])
  const { words } = await joining(founder)
  const others = folders.slice(1).map((folder) => new Cli([...words, '--json', '--out', folder]))
  return { peers: [founder, ...others], folders, words }
}

/** What each of them ends with. */
async function ends(peers: readonly Cli[]): Promise<Result[]> {
  const finished = await Promise.all(peers.map((peer) => peer.finished))
  expect(finished.map(({ code, err }) => [code, code === 0 ? '' : err])).toEqual(Array(HONEST).fill([0, '']))
  return finished.map(({ out }) => JSON.parse(out) as Result)
}

function roundOf(folder: string): number {
  const file = join(folder, 'events.ndjson')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  const rounds = lines.map((line) => JSON.parse(line) as { type: string; round?: number })
  return rounds.findLast(({ type }) => type === 'round')?.round ?? -1
}

/** Bytes of memory that a process has. */
function sizeOf({ process: { pid } }: Cli): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return 1024 * Number(kilobytes)
}

describe('a sybil of two identities among three honest peers', () => {
  const play = async (aggregator: string) => {
    const { peers, words } = await honest('--aggregator', aggregator, '--rounds', '60')
    const sybil = cli(...words, '--out', scratch(), '--attack', SYBIL)
    const results = await ends(peers)
    expect((await sybil).code).toBe(0)
    expect(new Set(results.flatMap((each) => each.peers.map(({ parametersHash }) => parametersHash))).size).toBe(1)
    return results[0]!.accuracy
  }

  const long = ALL ? test : () => {}
  long('turns the mean around, and not the median', async () => {
    expect(await play('mean')).toBeLessThan(0.5)
    expect(await play('median')).toBeGreaterThan(0.9)
  })

  long('leaves them alive and as large as they were, with one hash', async () => {
    const { peers, folders, words } = await honest('--aggregator', 'median', '--rounds', '600')
    const sybil = new Cli([...words, '--out', scratch(), '--attack', SYBIL])
    const after = async (round: number) => {
      const passed = () => folders.every((folder) => roundOf(folder) >= round) || peers.map(({ err }) => err)
      await expect.poll(passed, { timeout: 200_000, interval: 20 }).toBe(true)
      return peers.map(sizeOf)
    }
    const before = await after(200)
    for (const [index, size] of (await after(580)).entries()) expect(size).toBeLessThan(1.2 * before[index]!)
    const results = await ends(peers)
    expect(new Set(results.flatMap((each) => each.peers.map(({ parametersHash }) => parametersHash))).size).toBe(1)
    sybil.process.kill('SIGKILL')
  })

  test('does not come in where admission asks for what it has not', async () => {
    const secret = join(scratch(), 'secret')
    writeFileSync(secret, 'known to the honest only\n')
    const admission = ['--admission', 'secret', '--secret-file', secret]
    const run = ['--peers', String(HONEST), '--rounds', '4', '--json', '--out', scratch()]
    const founder = new Cli(['peer', ...SMALL, ...LOOPBACK, ...admission, ...run])
    const { words } = await joining(founder)
    const place = words.indexOf('--secret-file')
    const without = place < 0 ? words : words.toSpliced(place, 2)
    const { code, err } = await cli(...without, '--out', scratch(), '--attack', SYBIL)
    expect([code, err]).toEqual([6, expect.stringContaining('secret')])
    const comes = () => new Cli([...without, '--secret-file', secret, '--json', '--out', scratch()])
    const peers = [founder, comes(), comes()]
    const hashes = (await ends(peers)).flatMap((each) => each.peers.map(({ parametersHash }) => parametersHash))
    expect([hashes.length, new Set(hashes).size]).toEqual([HONEST, 1])
  })
})
