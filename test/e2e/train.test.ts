import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { Cli, cli, processesWith, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

interface Result {
  readonly [key: string]: unknown
  readonly peers: readonly { readonly id: string; readonly status: string; readonly parametersHash: string }[]
}

const hashes = ({ peers }: Result) => new Set(peers.map(({ parametersHash }) => parametersHash))

describe('train', () => {
  test('two processes end with one hash, the same from the run file that they leave, and --json prints one document', async () => {
    const train = async (out: string, ...words: string[]) => {
      const finished = await cli('train', ...words, '--json', '--out', out)
      expect({ ...finished, out: '', err: finished.code === 0 ? '' : finished.err }).toMatchObject({ code: 0, err: '' })
      return JSON.parse(finished.out) as Result
    }
    const out = join(scratch(), 'out')
    const result = await train(out, ...SMALL, '--peers', '2', '--rounds', '4')
    expect(result).toMatchObject({
      strategy: 'spirt',
      aggregator: 'mean',
      model: 'mlp',
      store: 'memory',
      denseInStore: true,
      rounds: 4,
      steps: 4
    })
    const keys = ['run', 'dataset', 'engine', 'seconds', 'accuracy', 'loss']
    for (const key of keys) expect(result[key]).not.toBeNull()
    expect(result.peers.map(({ status }) => status)).toEqual(['finished', 'finished'])
    expect(new Set(result.peers.map(({ id }) => id)).size).toBe(2)
    expect(hashes(result).size).toBe(1)
    for (const peer of result.peers) {
      expect(Object.keys(peer).sort()).toEqual(
        [
          'id',
          'rank',
          'status',
          'rounds',
          'parametersHash',
          'bytesSent',
          'bytesReceived',
          'tensorBytesSent',
          'tensorBytesReceived',
          'peakMemoryBytes',
          'secondsComputing',
          'secondsCommunicating',
          'secondsAggregating',
          'secondsByPhase'
        ].sort()
      )
    }
    expect(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'))).toEqual(result)
    for (const file of ['events.ndjson', 'run.yaml', 'peer-0/peer.log', 'peer-1/peer.log']) {
      expect(existsSync(join(out, file))).toBe(true)
    }
    expect(existsSync(String(result['checkpoint']))).toBe(true)
    const again = await train(join(scratch(), 'again'), '--run', join(out, 'run.yaml'), '--memory', '64')
    expect([again['run'], hashes(again)]).toEqual([result['run'], hashes(result)])
  })

  test('takes a run file, with a flag before it, and writes one that says the same', async () => {
    const folder = scratch()
    const file = join(folder, 'run.yaml')
    writeFileSync(file, 'dataset: synthetic\nmodel: mlp\npeers: 2\nstrategy: all-reduce\nrounds: 9\nmemory: 64\n')
    const out = join(folder, 'out')
    const finished = await cli('train', '--run', file, '--rounds', '2', '--out', out, '--json')
    expect(JSON.parse(finished.out)).toMatchObject({ strategy: 'all-reduce', rounds: 2 })
    expect(parse(readFileSync(join(out, 'run.yaml'), 'utf8'))).toMatchObject({
      strategy: 'all-reduce',
      rounds: 2,
      peers: 2
    })
  })

  test('goes on when a peer is killed, and says who', async () => {
    const out = scratch()
    const train = new Cli(['train', ...SMALL, '--peers', '3', '--rounds', '60', '--json', '--out', out])
    const log = join(out, 'peer-2')
    await roundsOf(train, out, 3)
    const [victim] = processesWith(`--out=${log}`)
    process.kill(victim!, 'SIGKILL')
    const finished = await train.finished
    expect(finished.err).toContain('peer 2: was ended by SIGKILL')
    expect(finished.code).toBe(0)
    const result = JSON.parse(finished.out) as Result
    expect(result.peers.map(({ status }) => status).sort()).toEqual(['died', 'finished', 'finished'])
    expect(hashes({ ...result, peers: result.peers.filter(({ status }) => status === 'finished') }).size).toBe(1)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: the peers leave, a checkpoint is there and no process',
    async (signal) => {
      const out = scratch()
      const train = new Cli(['train', ...SMALL, '--peers', '2', '--epochs', '100000', '--json', '--out', out])
      await roundsOf(train, out, 2)
      train.process.kill(signal)
      const finished = await train.finished
      expect(finished.code).toBe(130)
      expect(processesWith(out)).toEqual([])
      const result = JSON.parse(finished.out) as Result
      expect(result.peers.map(({ status }) => status)).toEqual(['left', 'left'])
      expect(existsSync(String(result['checkpoint']))).toBe(true)
    }
  )

  test('peers do not outlive a train that is killed', async () => {
    const out = scratch()
    const train = new Cli(['train', ...SMALL, '--peers', '2', '--epochs', '100000', '--json', '--out', out])
    await roundsOf(train, out, 1)
    expect(processesWith(`--out=${out}/peer-`)).toHaveLength(2)
    train.process.kill('SIGKILL')
    await train.finished
    await expect.poll(() => processesWith(`--out=${out}/peer-`), { timeout: 60_000 }).toEqual([])
  })
})

/** Waits until the events hold so many rounds. */
async function roundsOf(train: Cli, out: string, rounds: number): Promise<void> {
  const count = () => {
    const file = join(out, 'events.ndjson')
    return existsSync(file) ? readFileSync(file, 'utf8').split('"type":"round"').length - 1 : 0
  }
  await expect
    .poll(() => (train.process.exitCode === null ? count() >= rounds : train.err), { timeout: 100_000 })
    .toBe(true)
}
