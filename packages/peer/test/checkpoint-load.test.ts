import { join } from 'node:path'
import type { GradientStore, Layout, RunManifest } from '@peergrad/core'
import { loadCheckpoint, writeCheckpoint } from '@peergrad/peer'
import { describe, expect, it } from 'vitest'
import { flip, LAYOUT, MANIFEST, positionOf, scratch, sha256, store, vectorsOf } from './checkpoint-support.js'

async function written({ position = positionOf(7), vectors = vectorsOf(1) } = {}): Promise<string> {
  const file = join(scratch(), 'round-000007.safetensors')
  await writeCheckpoint(file, { layout: LAYOUT, position, vectors })
  return file
}

const values = async (opened: GradientStore, key: string) => {
  const lease = await opened.get(key)
  const copy = [...lease.vector]
  lease.release()
  return copy
}

const bytesIn = async (opened: GradientStore) => (await opened.usage()).bytes

describe('loading a checkpoint', () => {
  it('puts the state into the store under the keys of its round', async () => {
    const opened = await store()
    const [model, velocity] = vectorsOf(1)
    const resumed = await loadCheckpoint(await written(), {
      store: opened,
      layout: LAYOUT,
      manifest: MANIFEST,
      optimiser: MANIFEST.optimiser
    })
    expect(resumed).toEqual({ position: positionOf(7), own: new Map() })
    expect((await opened.keys('')).sort()).toEqual(['state:7', 'state:7:state:0'])
    expect(await values(opened, 'state:7')).toEqual([...model!.vector])
    expect(await values(opened, 'state:7:state:0')).toEqual([...velocity!.vector])
    expect(await opened.digest('state:7')).toBe(model!.digest)
  })

  it('takes what the peer kept for itself, and leaves what it does not know', async () => {
    const opened = await store()
    const [model, velocity] = vectorsOf(1)
    const vectors = [model!, velocity!, { ...velocity!, name: 'unknown' }, { ...model!, name: 'own.held' }]
    const init = { store: opened, layout: LAYOUT, manifest: MANIFEST, optimiser: MANIFEST.optimiser }
    const { own } = await loadCheckpoint(await written({ vectors }), init)
    const key = own.get('held')!
    expect((await opened.keys('')).sort()).toEqual([key, 'state:7', 'state:7:state:0'])
    expect(await values(opened, key)).toEqual([...model!.vector])
  })

  it('says which vector of the optimiser is not there', async () => {
    const init = { store: await store(), layout: LAYOUT, manifest: MANIFEST, optimiser: MANIFEST.optimiser }
    await expect(loadCheckpoint(await written({ vectors: vectorsOf(1).slice(0, 1) }), init)).rejects.toMatchObject({
      code: 'shape',
      message: expect.stringContaining('got no vector "optimiser.0"') as unknown
    })
  })

  it.each<[string, Partial<RunManifest>, string]>([
    ['seed', { seed: 2 }, 'seed is 1 there, and 2 here'],
    ['optimiser', { optimiser: { name: 'adam', learningRate: 0.1 } }, 'optimiser is {"name":"momentum"']
  ])('of a run of another %s is refused with the field', async (field, change, message) => {
    const opened = await store()
    const file = await written()
    const loading = loadCheckpoint(file, {
      store: opened,
      layout: LAYOUT,
      manifest: { ...MANIFEST, ...change },
      optimiser: MANIFEST.optimiser
    })
    await expect(loading).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining(`checkpoint ${file}: is of another run: ${message}`) as unknown,
      data: { field }
    })
    expect(await opened.keys('')).toEqual([])
  })

  it('of another model is refused with the first tensor that differs', async () => {
    const opened = await store()
    const slots = LAYOUT.slots.map((slot, i) => (i === 1 ? { ...slot, shape: [1, 3] } : slot))
    const layout: Layout = { ...LAYOUT, slots }
    await expect(
      loadCheckpoint(await written(), { store: opened, layout, manifest: MANIFEST, optimiser: MANIFEST.optimiser })
    ).rejects.toMatchObject({
      code: 'shape',
      message: expect.stringContaining('tensor "dense/bias"') as unknown
    })
    expect(await bytesIn(opened)).toBe(0)
  })

  it('with a velocity of another length is refused', async () => {
    const [model, velocity] = vectorsOf(1)
    const vector = velocity!.vector.subarray(0, 8)
    const digest = sha256(new Uint8Array(vector.buffer, vector.byteOffset, 32))
    const file = await written({ vectors: [model!, { ...velocity!, vector, digest }] })
    const loading = loadCheckpoint(file, {
      store: await store(),
      layout: LAYOUT,
      manifest: MANIFEST,
      optimiser: MANIFEST.optimiser
    })
    await expect(loading).rejects.toMatchObject({
      code: 'shape',
      message: expect.stringContaining('got 8 floats as "optimiser.0", expected 9 floats') as unknown
    })
  })

  it.each([
    ['the model', 21 * 4, 'the values of "model" do not match their checksum'],
    ['the velocity', 1, 'the values of "optimiser.0" do not match their checksum']
  ])('with a bit changed in %s is refused, and leaves nothing in the store', async (_what, fromEnd, message) => {
    const opened = await store()
    const file = await written()
    const { size } = await import('node:fs').then(({ statSync }) => statSync(file))
    await flip(file, size - fromEnd)
    await expect(
      loadCheckpoint(file, { store: opened, layout: LAYOUT, manifest: MANIFEST, optimiser: MANIFEST.optimiser })
    ).rejects.toMatchObject({
      code: 'corrupt',
      message: `checkpoint ${file}: ${message}`
    })
    expect([await opened.keys(''), await bytesIn(opened)]).toEqual([[], 0])
  })

  it('with a number that is none is refused', async () => {
    const [model, velocity] = vectorsOf(1)
    model!.vector[3] = NaN
    const digest = sha256(new Uint8Array(model!.vector.buffer, model!.vector.byteOffset, 48))
    const file = await written({ vectors: [{ ...model!, digest }, velocity!] })
    const loading = loadCheckpoint(file, {
      store: await store(),
      layout: LAYOUT,
      manifest: MANIFEST,
      optimiser: MANIFEST.optimiser
    })
    await expect(loading).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('value 3 of "model" is not finite') as unknown
    })
  })
})
