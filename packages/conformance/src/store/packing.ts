import assert from 'node:assert/strict'
import { createKernels, loadPlugin, resolvePlugin, significantPart, type GradientStore } from '@peergrad/core'
import { codecs, filters } from '@peergrad/strategies'
import { assertSame, bits } from '../arrays.js'
import type { StoreLaw } from './laws.js'
import { bitsOf, noise, put, refuses, shared, words } from './vectors.js'

const kernels = createKernels()
/** of `LENGTH` floats, so many are parameters */
const [LENGTH, PARAMETERS] = [60, 57]
/** of the parameters, mostly zeros of both signs */
const THIN = noise(LENGTH, 3).map((value, i) => (i % 9 === 0 || i >= PARAMETERS ? value : i % 2 === 0 ? 0 : -0))
/** 8 floats, 6 of them parameters, in words that no packing makes */
const ABSURD: readonly (readonly [string, readonly number[]])[] = [
  ['nothing', []],
  ['more values than there are words', [3, 0, 1, 2, 7, 8]],
  ['as many values as would wrap around', [0x80000001, 0, 1, 7, 8]],
  ['indices that descend', [2, 3, 2, 7, 7, 8, 8]],
  ['an index of a buffer', [2, 3, 6, 7, 7, 8, 8]]
]

/** What must hold of filters, of packing for the wire, and of what others packed. */
export const PACKING_LAWS: readonly StoreLaw[] = [
  ...['significant:v=0.5', 'significant-model:v=0.001', 'top-k:share=0.2'].map((name): StoreLaw => ({
    name: `filters by ${name}: each coordinate is sent whole or waits whole, and buffers are sent`,
    prove: ({ store }) => splits(store, name)
  })),
  {
    name: 'gives back the very bits of what it packed, in the shorter of both forms',
    async prove({ store }) {
      await put(store, 'x', THIN)
      await store.pack({ from: 'x', sparse: PARAMETERS, to: 'packed' })
      const kept = THIN.slice(0, PARAMETERS).filter((value) => !Object.is(value, 0)).length
      assert.equal(await store.length('packed'), Math.min(LENGTH, 1 + 2 * kept + LENGTH - PARAMETERS), 'words')
      await store.unpack({ from: 'packed', sparse: PARAMETERS, length: LENGTH, to: 'y' })
      assertSame(await bitsOf(store, 'y'), await bitsOf(store, 'x'), 'bits')
    }
  },
  {
    name: 'packs by a codec as the codec does, and leaves the buffers as they are',
    async prove({ store }) {
      const reference = resolvePlugin(codecs, 'f16')
      const codec = await loadPlugin('codec', reference)
      const row = noise(LENGTH, 4)
      await put(store, 'x', row)
      await store.pack({ from: 'x', codec: reference, to: 'packed' })
      await store.unpack({ from: 'packed', codec: reference, length: LENGTH, to: 'y' })
      const [packed, expected] = [new Uint8Array(new SharedArrayBuffer(codec.bytes(LENGTH))), shared(row)]
      codec.encode(shared(row), packed, kernels)
      codec.decode(packed, expected, kernels)
      assertSame(await bitsOf(store, 'y'), bits(expected), 'bits')
      await store.pack({ from: 'x', codec: reference, sparse: PARAMETERS, to: 'packed:sparse' })
      await store.unpack({ from: 'packed:sparse', codec: reference, sparse: PARAMETERS, length: LENGTH, to: 'z' })
      const buffers = (await bitsOf(store, 'z')).slice(PARAMETERS)
      assertSame(buffers, (await bitsOf(store, 'x')).slice(PARAMETERS), 'bits of the buffers')
    }
  },
  {
    name: 'refuses to unpack what nobody packs, and what is of another length',
    async prove({ store }) {
      for (const [what, list] of ABSURD) {
        const lease = store.lease(list.length)
        words(lease.vector).set(list)
        await store.put('packed', lease)
        await refuses('corrupt', what, () => store.unpack({ from: 'packed', sparse: 6, length: 8, to: 'y' }))
        await store.delete(['packed'])
      }
      await put(store, 'x', [1, 2, 3, 4])
      await refuses('shape', '4 floats as 3', () => store.unpack({ from: 'x', length: 3, to: 'y' }))
      assert.deepEqual(await store.keys(''), ['x'], 'keys')
    }
  },
  {
    name: 'adds what a codec lost to what waits, each operation rounded',
    async prove({ store }) {
      const [rest, sent, got] = [noise(PARAMETERS, 1), noise(LENGTH, 2), noise(LENGTH, 3)]
      await put(store, 'rest', rest)
      await put(store, 'sent', sent)
      await put(store, 'shared', got)
      await store.feedback({ rest: 'rest', sent: 'sent', shared: 'shared', parameters: PARAMETERS, to: 'held' })
      const expected = rest.map((value, i) => value + Math.fround(sent[i] - got[i]))
      assertSame(await bitsOf(store, 'held'), bits(shared(expected)), 'bits')
    }
  }
]

async function splits(store: GradientStore, name: string): Promise<void> {
  const reference = resolvePlugin(filters, name)
  const [gradient, held, model] = [noise(LENGTH, 1), noise(PARAMETERS, 2), noise(LENGTH, 3)]
  await put(store, 'g', gradient)
  await put(store, 'held', held)
  await put(store, 'w', model)
  const [step, learningRate] = [4, 0.1]
  const outputs = { to: 'sent', rest: 'rest' }
  const inputs = { from: 'g', held: 'held', state: 'w', parameters: PARAMETERS }
  await store.filter({ ...inputs, ...outputs, filter: reference, step, learningRate, seed: 1 })
  await store.unpack({ from: 'sent', sparse: PARAMETERS, length: LENGTH, to: 'whole' })
  const accumulated = shared(held.map((value, i) => value + gradient[i]))
  const [sent, rest] = [await bitsOf(store, 'whole'), await bitsOf(store, 'rest')]
  assertSame(sent.slice(PARAMETERS), bits(shared(gradient.slice(PARAMETERS))), 'bits of the buffers')
  for (const [i, word] of bits(accumulated).entries()) {
    const good = (sent[i] === word && rest[i] === 0) || (sent[i] === 0 && rest[i] === word)
    assert.ok(good, `got ${sent[i]} sent and ${rest[i]} waiting at ${i}, expected the word ${word} in one of both`)
  }
  const test = (await loadPlugin('filter', reference)).significance?.({ step, learningRate })
  if (test === undefined) return
  const expected = shared(held.map(() => 0))
  significantPart(test, { accumulated, parameters: shared(model.slice(0, PARAMETERS)), sent: expected, kernels })
  assertSame(sent.slice(0, PARAMETERS), bits(expected), 'what is sent')
}
