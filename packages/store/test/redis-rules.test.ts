import { Arena, type GradientStore, type StoreRuleName, type Vector } from '@peergrad/core'
import { PrivateServer, redisStore } from '@peergrad/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clip, kernels, krum, meamed, result, trimmed, vector } from './module-reference.js'
import { because, moduleRedis } from './redis-places.js'
import { noise } from './module-server.js'

const RULES = new URL('./fixtures/rules.mjs', import.meta.url).href
const LENGTH = 1000
const PARAMETERS = 900
const INPUTS = 7

type Of = (inputs: Vector[]) => Float32Array
type Case = [StoreRuleName, Record<string, number>, of: Of, ofBuffers?: Of]

const SAMPLES = [8, 16, 4, 1, 1, 0, 30]
const median: Of = (x) => result(x[0]!.length, (out) => kernels.median(out, x))

const CASES: readonly Case[] = [
  ['mean', {}, (x) => result(x[0]!.length, (out) => kernels.mean(out, x))],
  ['weighted-mean', {}, (x) => result(x[0]!.length, (out) => kernels.weightedMean(out, x, SAMPLES))],
  ['median', {}, median],
  ['trimmed-mean', { f: 2 }, (x) => trimmed(x, 2)],
  ['meamed', { f: 2 }, (x) => meamed(x, 2)],
  ['krum', { f: 1 }, (x) => krum(x, 1, 1)],
  ['multi-krum', { f: 1, m: 4 }, (x) => krum(x, 1, 4)],
  [
    'centered-clipping',
    { tau: 0.5, iterations: 3, median: 1 },
    (x) => clip(x, { tau: 0.5, iterations: 3, median: 1 }),
    median
  ]
]

describe.skipIf(moduleRedis.absent)(`rules inside the database${because(moduleRedis)}`, () => {
  let server: PrivateServer
  let store: GradientStore
  const keys = Array.from({ length: INPUTS }, (_, k) => `g:${k}`)
  const rows = keys.map((_, k) => vector(noise(LENGTH, k + 1)))

  beforeAll(async () => {
    server = await PrivateServer.start({ peer: 'rules', memory: 64 << 20, module: moduleRedis.module! })
    store = await redisStore({ url: server.url, run: 'r', peer: 'p', arena: Arena.create({ bytes: 8 << 20 }) })
    for (const [k, key] of keys.entries()) {
      const lease = store.lease(LENGTH)
      lease.vector.set(rows[k]!)
      await store.put(key, lease)
    }
  })
  afterAll(async () => {
    await store?.close()
    await server?.close()
  })

  const aggregate = (name: string, numbers: Record<string, number>, from: readonly string[] = keys) => {
    const rule = { module: RULES, export: 'inStoreOnly', options: { name, ...numbers } }
    return store.aggregate({
      from,
      to: `to:${name}`,
      rule,
      samples: SAMPLES.slice(0, from.length),
      parameters: PARAMETERS,
      seed: 1
    })
  }

  it('are these', () => {
    expect(store.capabilities.rules).toEqual(CASES.map(([name]) => name))
  })

  it.each(CASES)('%s with %j has the bits that core says', async (name, numbers, of, ofBuffers = of) => {
    await aggregate(name, numbers)
    const part = (start: number, end: number) => rows.map((x) => x.subarray(start, end))
    const lease = await store.get(`to:${name}`)
    const whole = vector([...of(part(0, PARAMETERS)), ...ofBuffers(part(PARAMETERS, LENGTH))])
    expect(Buffer.from(lease.vector.buffer, lease.vector.byteOffset, lease.vector.byteLength)).toEqual(
      Buffer.from(whole.buffer)
    )
    lease.release()
  })

  it('are run outside on what pre-aggregators make', async () => {
    const rule = { module: RULES, export: 'inStoreMean', options: {} }
    const pre = [{ module: RULES, export: 'halves', options: {} }]
    const samples = keys.map(() => 1)
    await store.aggregate({ from: keys, to: 'halved', rule, pre, samples, parameters: PARAMETERS, seed: 1 })
    const lease = await store.get('halved')
    const mean = result(LENGTH, (out) => kernels.mean(out, rows))
    expect(lease.vector[0]).toBeCloseTo(mean[0]! / 2, 6)
    expect(lease.vector[PARAMETERS]).toBe(mean[PARAMETERS])
    lease.release()
  })

  it('are run outside when the database does not know them', async () => {
    await expect(aggregate('other', {})).rejects.toMatchObject({
      message: expect.stringContaining('ran outside the database') as string
    })
  })
})
