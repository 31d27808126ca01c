import { Arena, virtualClock, type GradientStore, type Logger, type PluginReference } from '@peergrad/core'
import { memoryStore } from '@peergrad/store'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { storeCompliance } from '../../../test/compliance/store.js'

storeCompliance('memory', async ({ limit }) => {
  const clock = virtualClock()
  const store = await memoryStore({ arena: Arena.create({ bytes: 32 << 20 }), limit, clock })
  return { store, advance: (ms) => clock.advance(ms) }
})

describe('the memory driver', () => {
  let arena: Arena
  let store: GradientStore
  let warnings: string[]
  let directory: string

  beforeEach(async () => {
    arena = Arena.create({ bytes: 4 << 20 })
    warnings = []
    const log = () => {}
    const logger: Logger = { debug: log, info: log, warn: (_, message) => warnings.push(message), error: log }
    store = await memoryStore({ arena, logger })
    directory = mkdtempSync(join(tmpdir(), 'peergrad-store-'))
  })
  afterEach(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })

  const rule = (name: string, options: PluginReference['options'] = {}): PluginReference => ({
    module: new URL('./fixtures/rules.mjs', import.meta.url).href,
    export: name,
    options
  })
  const aggregate = (from: string[], reference: PluginReference) =>
    store.aggregate({ from, to: 'to', rule: reference, samples: from.map(() => 1), parameters: 4, seed: 1 })
  async function put(key: string, row: number[]): Promise<void> {
    const lease = store.lease(row.length)
    lease.vector.set(row)
    await store.put(key, lease)
  }

  it('moves no byte on put and get, nor when a vector gets a second key', async () => {
    const lease = store.lease(100)
    lease.vector.fill(1)
    const address = lease.vector.byteOffset
    await store.put('a', lease)
    await store.put('b', await store.get('a'))
    await store.delete(['a'])
    const again = await store.get('b')
    expect(again.vector.byteOffset).toBe(address)
    expect((await store.usage()).bytes).toBe(400)
    again.release()
  })

  it('hands all memory back to the arena: keys on close, leases when they are released', async () => {
    await put('a', [1, 2, 3])
    const lease = await store.get('a')
    await store.average(['a'], 'mean')
    await store.close()
    expect([...lease.vector]).toEqual([1, 2, 3])
    expect(arena.bytesInUse).toBe(64)
    lease.release()
    expect(arena.bytesInUse).toBe(0)
  })

  it('has the whole arena for a budget unless told otherwise', async () => {
    expect((await store.usage()).limit).toBe(arena.byteLimit)
    await expect(memoryStore({ arena, limit: 0 })).rejects.toMatchObject({ code: 'argument' })
  })

  it('starts a worker that ended once again and runs the call again', async () => {
    await put('x', [1, 2, 3, 4])
    await put('y', [3, 4, 5, 6])
    const before = arena.bytesInUse
    const crash = aggregate(['x', 'y'], rule('dies', { marker: join(directory, 'marker') }))
    await Promise.all([crash, store.average(['x', 'y'], 'mean')])
    expect(await store.digest('to')).toBe(await store.digest('mean'))
    expect(warnings).toHaveLength(1)
    await store.delete(['to', 'mean'])
    expect(arena.bytesInUse).toBe(before)
  })

  it('gives a call up with crashed when its worker ends twice, and goes on with the next', async () => {
    await put('x', [1, 2, 3, 4])
    const before = arena.bytesInUse
    const crash = expect(aggregate(['x'], rule('dies'))).rejects.toMatchObject({
      code: 'crashed',
      message: expect.stringMatching(/during aggregate by aggregator .*rules\.mjs#dies \(exit code 3\)/) as string,
      data: { plugin: expect.stringMatching(/^aggregator .*rules\.mjs#dies$/) as string }
    })
    const next = store.average(['x'], 'mean')
    await Promise.all([crash, next])
    expect(await store.keys('')).toEqual(['mean', 'x'])
    await store.delete(['mean'])
    expect(arena.bytesInUse).toBe(before)
  })

  describe('with a rule that runs until it is let go', () => {
    /** The rule, and what lets it go. */
    async function gated(): Promise<{ gate: PluginReference; open: () => void }> {
      await put('x', [1, 2, 3, 4])
      const marker = join(directory, 'gate')
      return { gate: rule('gate', { marker }), open: () => writeFileSync(marker, '') }
    }

    it('leaves the thread of the caller free, and keeps calls in order', async () => {
      const { gate, open } = await gated()
      const order: string[] = []
      const first = aggregate(['x'], gate).then(() => order.push('aggregate'))
      const second = store.average(['x'], 'mean').then(() => order.push('average'))
      await put('meanwhile', [1])
      await turn()
      expect(order).toEqual([])
      open()
      await Promise.all([first, second])
      expect(order).toEqual(['aggregate', 'average'])
    })

    it('is ended by close, and so is what waits behind it', async () => {
      const { gate } = await gated()
      const calls = [aggregate(['x'], gate), store.average(['x'], 'mean'), store.digest('x')]
      const outcomes = calls.map((call) => expect(call).rejects.toMatchObject({ code: 'aborted' }))
      await store.close()
      await Promise.all(outcomes)
      expect(arena.bytesInUse).toBe(0)
    })

    it('is ended when its time is up, with its name, and the calls behind it have a new worker', async () => {
      await store.close()
      store = await memoryStore({ arena, pluginTimeout: 200 })
      const { gate } = await gated()
      const before = arena.bytesInUse
      const hung = expect(aggregate(['x'], gate)).rejects.toMatchObject({
        code: 'crashed',
        message: expect.stringMatching(/aggregator .*rules\.mjs#gate did not end its work within 0\.2 s/)
      })
      await Promise.all([hung, store.average(['x'], 'mean')])
      await store.delete(['mean'])
      expect(arena.bytesInUse).toBe(before)
    })
  })

  it('refuses what a rule gives that wrote into its inputs, with its name', async () => {
    await put('x', [1, 2, 3, 4])
    await expect(aggregate(['x'], rule('writesIntoInputs'))).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/aggregator writes-into-inputs wrote into vector 0/)
    })
  })

  it('refuses work that is not done when it returns, and goes on when it fails later', async () => {
    await put('x', [1, 2, 3, 4])
    await put('w', [1, 2, 3, 4])
    const [samples, parameters] = [[1], 4]
    const late = (kind: string, member: string) => ({
      code: 'argument',
      message: `${kind} late: ${member} gave a promise, expected it to be done when it returns`,
      data: { plugin: `${kind} late` }
    })
    await expect(aggregate(['x'], rule('lateRule'))).rejects.toMatchObject(late('aggregator', 'aggregate'))
    const through = { from: ['x'], to: 'to', rule: rule('inStoreMean'), pre: [rule('latePre')], samples, parameters }
    await expect(store.aggregate({ ...through, seed: 1 })).rejects.toMatchObject(late('pre-aggregator', 'apply'))
    const step = { parameters, step: 1, learningRate: 1, seed: 1 }
    const filtered = store.filter({
      from: 'x',
      state: 'w',
      to: 'to',
      rest: 'rest',
      filter: rule('lateFilter'),
      ...step
    })
    await expect(filtered).rejects.toMatchObject(late('filter', 'apply'))
    const codec = rule('lateCodec')
    await expect(store.pack({ from: 'x', codec, to: 'to' })).rejects.toMatchObject(late('codec', 'encode'))
    await put('packed', [1])
    await expect(store.unpack({ from: 'packed', codec, length: 4, to: 'to' })).rejects.toMatchObject(
      late('codec', 'decode')
    )
    expect(warnings).toEqual([])
  })
})
