import { Arena, type GradientStore } from '@peergrad/core'
import { memoryStore, PrivateServer, redisStore } from '@peergrad/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { put } from '../../../test/compliance/store-support.js'
import { Columns } from '../src/remote/columns.js'
import type { PartedVectors } from '../src/remote/vectors.js'
import { noise } from './module-server.js'
import { because, plainRedis } from './redis-places.js'

const BY_COORDINATE = {
  module: new URL('./fixtures/rules.mjs', import.meta.url).href,
  export: 'byCoordinate',
  options: {}
}
/** Two columns and some coordinates of a third. */
const LENGTH = (2 << 18) + 5
const PARAMETERS = (1 << 18) + 3

describe.skipIf(plainRedis.absent)(`work on what any server keeps${because(plainRedis)}`, () => {
  let server: PrivateServer
  beforeAll(async () => (server = await PrivateServer.start({ peer: 'streamed', memory: 128 << 20 })))
  afterAll(() => server?.close())

  const open = (bytes: number) =>
    redisStore({ url: server.url, run: 'r', peer: 'p', arena: Arena.create({ bytes }), limit: 128 << 20 })
  const keys = (count: number) => Array.from({ length: count }, (_, k) => `g:${k}`)
  const aggregate = (store: GradientStore, from: readonly string[]) =>
    store.aggregate({
      ...{ from, to: 'median', rule: BY_COORDINATE },
      ...{ samples: from.map(() => 1), parameters: PARAMETERS, seed: 1 }
    })

  it('has the bits of work on whole vectors', async () => {
    const work = async (store: GradientStore) => {
      const from = keys(3)
      for (const [k, key] of ['w', ...from].entries()) await put(store, key, noise(LENGTH, k))
      await store.average(from, 'mean')
      await aggregate(store, from)
      const optimiser = { name: 'adam', learningRate: 1 } as const
      const step = (at: number, state: string, gradient: string) => {
        const learningRate = 0.1 / at
        const request = { from: state, to: `w${at}`, gradient, optimiser, parameters: PARAMETERS }
        return store.applyUpdate({ ...request, step: at, learningRate })
      }
      await step(1, 'w', 'mean')
      await step(2, 'w1', 'median')
      const made = ['mean', 'median', 'w1', 'w1:state:1', 'w2', 'w2:state:0']
      const digests = []
      for (const key of made) digests.push(await store.digest(key))
      await store.close()
      return digests
    }
    const whole = await work(await memoryStore({ arena: Arena.create({ bytes: 64 << 20 }) }))
    expect(await work(await open(64 << 20))).toEqual(whole)
  })

  it('needs no room here for all of them', async () => {
    const store = await open(36 << 20)
    const from = keys(12)
    const row = new Float32Array(1 << 20)
    for (const [k, key] of from.entries()) await put(store, key, row.fill(k))
    await store.average(from, 'mean')
    const lease = await store.get('mean')
    expect(new Set(lease.vector)).toEqual(new Set([5.5]))
    lease.release()
    await store.close()
  })

  it('names what is not finite by its place in the whole vector', async () => {
    const store = await open(64 << 20)
    const at = LENGTH - 2
    await put(store, 'g:0', new Float32Array(LENGTH))
    await put(store, 'g:1', new Float32Array(LENGTH).fill(NaN, at, at + 1))
    await expect(aggregate(store, keys(2))).rejects.toMatchObject({
      code: 'non-finite',
      message: expect.stringContaining(`"g:1" holds NaN at ${at},`) as string,
      data: { index: at }
    })
    expect(await store.keys('')).toEqual(keys(2))
    await store.close()
  })
})

it('columns of very many vectors need no more room here than those of few', async () => {
  const arena = Arena.create({ bytes: 26 << 20 })
  const zeros: Pick<PartedVectors, 'readPart' | 'writeParts'> = {
    readPart: async (_name, _offset, into) => void into.fill(0),
    writeParts: (_names, work) => work(async () => {})
  }
  const many = Array.from({ length: 2000 }, (_, k) => ({ name: `g:${k}`, length: 1 << 14, references: 1 }))
  let floats = 0
  await new Columns(arena, zeros as PartedVectors).each(many, [], async ({ inputs }) => {
    floats += inputs[0]!.length
  })
  expect(floats).toBe(1 << 14)
  expect(arena.bytesInUse).toBe(0)
})
