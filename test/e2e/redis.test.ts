import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MODULE, PrivateServer, redisServerVersion } from '@peergrad/store'
import { expect, onTestFinished, test, vi } from 'vitest'
import { RedisAiServer } from '../../packages/store/test/redisai-server.js'
import { cli, processesWith, scratch, SMALL } from '../utils/cli.js'

// up to four processes that each load libp2p and tfjs, several times, and a database for each
vi.setConfig({ testTimeout: 240_000 })

interface Result {
  readonly [key: string]: unknown
  readonly peers: readonly {
    readonly id: string
    readonly parametersHash: string
    readonly secondsByPhase: Record<string, number>
  }[]
}

const noServer = redisServerVersion() === undefined && ': there is no redis-server here'
const absent = noServer || (existsSync(MODULE) ? '' : ': the module is not built')

async function train(...words: readonly string[]): Promise<Result> {
  const size = ['--minibatches', '2', '--batch', '16', '--evaluate-every', '0']
  const out = join(scratch(), 'out')
  const finished = await cli('train', '--strategy', 'spirt', ...size, ...words, '--json', '--out', out)
  expect({ code: finished.code, err: finished.code === 0 ? '' : finished.err }).toEqual({ code: 0, err: '' })
  return JSON.parse(finished.out) as Result
}

const hashesOf = (...results: readonly Result[]) =>
  results.flatMap(({ peers }) => peers.map(({ parametersHash }) => parametersHash))

test.skipIf(absent !== '')(
  `four peers, each with its own Redis that filters too, end with the hash that they have in memory${absent}`,
  async () => {
    const model = ['--model', 'cnn', '--dataset', 'synthetic:side=28', '--engine', 'wasm']
    const words = [...model, '--peers', '4', '--rounds', '3', '--in-database', '--filter', 'significant:v=0.001']
    const redis = await train(...words, '--store', 'redis')
    const memory = await train(...words, '--store', 'memory')
    const hashes = hashesOf(redis, memory)
    expect(hashes).toHaveLength(8)
    expect(new Set(hashes).size).toBe(1)
    expect(redis).toMatchObject({
      store: 'redis',
      denseInStore: true,
      contributions: memory['contributions'],
      phasePlaces: { compute: 'engine', average: 'database', aggregate: 'database', update: 'database' }
    })
    const { bytes, whole, saved } = redis['contributions'] as { bytes: number; whole: number; saved: number }
    expect(bytes).toBeLessThan(whole)
    expect(saved).toBeCloseTo(1 - bytes / whole, 9)
    for (const phase of ['compute', 'store', 'average', 'wait', 'fetch', 'aggregate', 'update'])
      expect(redis.peers[0]!.secondsByPhase[phase]).toBeGreaterThan(0)
    for (const { id } of redis.peers) expect(processesWith(`redis-${id.slice(-16)}/`)).toEqual([])
  }
)

test.skipIf(absent !== '')(
  `everything sent, two peers end alike in memory, with our module, on any Redis, and with a double of RedisAI${absent}`,
  async () => {
    const plain = await PrivateServer.start({ peer: 'e2e-plain', memory: 256 << 20 })
    onTestFinished(() => plain.close())
    const double = await RedisAiServer.start()
    onTestFinished(() => double.close())
    const words = [...SMALL, '--peers', '2', '--rounds', '2']
    const memory = await train(...words, '--store', 'memory')
    const redis = await train(...words, '--store', 'redis', '--in-database')
    const any = await train(...words, '--store', 'redis', '--redis-url', plain.url)
    const redisai = await train(...words, '--store', 'redisai', '--redis-url', double.url)
    const hashes = hashesOf(memory, redis, any, redisai)
    expect(hashes).toHaveLength(8)
    expect(new Set(hashes).size).toBe(1)
    const here = { average: 'peer', aggregate: 'peer', update: 'peer' }
    const there = { average: 'database', aggregate: 'database', update: 'database' }
    expect(redis).toMatchObject({ store: 'redis', denseInStore: true, phasePlaces: there })
    expect(any).toMatchObject({ store: 'redis', denseInStore: false, phasePlaces: here })
    expect(redisai).toMatchObject({ store: 'redisai', denseInStore: true, phasePlaces: there })
    expect(double.crashed).toBeUndefined()
  }
)
