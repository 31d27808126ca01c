import { Arena, type GradientStore, type PluginReference } from '@peergrad/core'
import { memoryStore } from '@peergrad/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const plugin = (name: string): PluginReference => ({
  module: new URL('./fixtures/rules.mjs', import.meta.url).href,
  export: name,
  options: {}
})

describe('what parameters go through before the rule', () => {
  const arena = Arena.create({ bytes: 4 << 20 })
  let store: GradientStore

  beforeEach(async () => {
    store = await memoryStore({ arena })
    for (const [key, row] of Object.entries({ a: [2, 4, 10, 11], b: [4, 8, 20, 21], c: [6, 12, 60, 61] })) {
      const lease = store.lease(4)
      lease.vector.set(row)
      await store.put(key, lease)
    }
  })
  afterEach(() => store.close())

  /** Two parameters, two buffers. */
  async function aggregate(rule: string, ...pre: string[]): Promise<number[]> {
    const from = ['a', 'b', 'c']
    const [to, samples] = ['to', from.map(() => 1)]
    await store.aggregate({ from, to, rule: plugin(rule), pre: pre.map(plugin), samples, parameters: 2, seed: 1 })
    const lease = await store.get(to)
    const made = [...lease.vector]
    lease.release()
    await store.delete([to])
    return made
  }

  it('is a chain in its order, and buffers are left out of it', async () => {
    expect(await aggregate('inStoreMean', 'halves')).toEqual([2, 4, 30, 31])
    expect(await aggregate('inStoreMean', 'halves', 'keepsFirst', 'halves')).toEqual([0.5, 1, 30, 31])
  })

  it('gives its scratch back', async () => {
    const before = arena.bytesInUse
    await aggregate('inStoreMean', 'halves', 'halves')
    expect(arena.bytesInUse).toBe(before)
  })

  it('may give views on its scratch, which the next one does not get', async () => {
    expect(await aggregate('inStoreMean', 'halvesInViews', 'halvesInViews')).toEqual([1, 2, 30, 31])
  })

  it('may not write into its inputs, nor leave the rule too few', async () => {
    await expect(aggregate('inStoreMean', 'spoils')).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/pre-aggregator spoils wrote into vector 0/) as string
    })
    await expect(aggregate('atLeastTwo', 'keepsFirst')).rejects.toMatchObject({
      code: 'argument',
      message: 'aggregator at-least-two: got 1 vectors, expected at least 2'
    })
  })

  it.each([
    ['tooFew', 'pre-aggregator too-few: got 2 vectors of 2 floats, expected 3 of 2'],
    ['tooShort', 'pre-aggregator too-short: got 3 vectors of 1 floats, expected 3 of 2'],
    ['nothing', 'pre-aggregator nothing: got no list of vectors, expected 3 of 2']
  ])('that is not what it says is named, and not the rule: %s', async (name, message) => {
    const data = { plugin: message.split(':')[0] }
    await expect(aggregate('inStoreMean', name)).rejects.toMatchObject({ code: 'shape', message, data })
  })

  it.each([
    ['ownMemory', 'own-memory'],
    ['notFloats', 'not-floats'],
    ['released', 'released']
  ])('that gives memory that is not lent to it is named: %s', async (name, called) => {
    await expect(aggregate('inStoreMean', 'halves', name)).rejects.toMatchObject({
      code: 'argument',
      message: `pre-aggregator ${called}: vector 0 of what it gives is neither an input nor scratch that it holds; write it into what \`scratch\` lends, and do not release that`,
      data: { plugin: `pre-aggregator ${called}` }
    })
  })

  it('may give scratch that was released before it was lent again', async () => {
    expect(await aggregate('inStoreMean', 'lentAgain')).toEqual([4, 8, 30, 31])
  })

  it('a rule may leave the buffers to their median', async () => {
    expect(await aggregate('ones')).toEqual([1, 1, 20, 21])
  })
})
