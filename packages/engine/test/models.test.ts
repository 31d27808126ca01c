import { Arena, layoutLength, type Dataset, type Vector } from '@peergrad/core'
import { createEngine, engines, loadDataset, type TfjsEngine } from '@peergrad/engine'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'

const MODELS = fileURLToPath(new URL('./fixtures/models.mjs', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'peergrad-models-'))
const arena = Arena.create({ bytes: 512 << 20 })
const running: TfjsEngine[] = []
const minibatch = { samples: Uint32Array.from({ length: 16 }, (_, i) => i), seed: 1 }

afterEach(async () => {
  await Promise.all(running.splice(0).map((engine) => engine.close()))
})
afterAll(() => rmSync(directory, { recursive: true }))

const images = (side: number, channels: number): Promise<Dataset> =>
  loadDataset(`synthetic:train=32,test=8,side=${side},channels=${channels}`, { cacheDirectory: directory })

async function start(model: string, dataset: Dataset, backend = 'wasm'): Promise<TfjsEngine> {
  const engine = await createEngine({ backend, model, dataset, arena, workers: 1 })
  running.push(engine)
  return engine
}
const vectorOf = ({ layout }: TfjsEngine): Vector => arena.allocate(layoutLength(layout)).fill(0)

async function firstGradient(engine: TfjsEngine) {
  const [state, into] = [vectorOf(engine), vectorOf(engine)]
  await engine.initialise(1, state)
  const { loss } = await engine.gradient({ state, minibatch, into })
  return { loss, state, into }
}

describe('built-in models', () => {
  it.each([
    ['mlp', 28, 1, 784 * 128 + 128 + 128 * 10 + 10, 0],
    ['cnn', 32, 3, 545_098, 0],
    ['cnn-byzfl', 28, 1, 431_080, 0],
    ['mobilenet', 32, 3, 3_217_226, 21_888],
    ['resnet18', 32, 3, 11_173_962, 9_600]
  ])('%s has the parameters that it should', async (model, side, channels, parameters, buffers) => {
    const { layout } = await start(model, await images(side, channels))
    expect([layout.parameters, layout.buffers]).toEqual([parameters, buffers])
  })

  it.each([
    ['cnn', ['conv1/kernel', 'conv2/bias', 'hidden/kernel', 'output/bias']],
    ['mobilenet', ['stem/kernel', 'block2/depthwise/kernel', 'block12/depthwise/norm/gamma', 'output/kernel']],
    ['resnet18', ['stem/norm/gamma', 'stage2/block1/shortcut/kernel', 'stage3/block2/conv1/kernel']]
  ])('%s has the gradient that finite differences give', async (model, names) => {
    const engine = await start(model, await images(16, 3))
    const { loss, state, into } = await firstGradient(engine)
    const [moved, ignored] = [vectorOf(engine), vectorOf(engine)]
    for (const name of names) {
      const { offset, length } = engine.layout.slots.find((slot) => slot.name === name)!
      const gradient = into.slice(offset, offset + length)
      const square = gradient.reduce((sum, value) => sum + value * value, 0)
      const lossAt = async (change: number) => {
        moved.set(state)
        gradient.forEach((value, i) => (moved[offset + i]! += (change / square) * value))
        return (await engine.gradient({ state: moved, minibatch, into: ignored })).loss
      }
      // moves along the gradient of this tensor that should change the loss by a hundredth either way
      const change = ((await lossAt(loss / 100)) - (await lossAt(-loss / 100))) / 2
      expect(change / (loss / 100), name).toBeCloseTo(1, 1)
    }
  })

  it('start with the spread that their initialisers say', async () => {
    const engine = await start('cnn', await images(32, 3))
    const state = vectorOf(engine)
    await engine.initialise(3, state)
    const slot = (name: string) => engine.layout.slots.find((candidate) => candidate.name === name)!
    const values = (name: string) => state.subarray(slot(name).offset, slot(name).offset + slot(name).length)
    const variance = (list: Float32Array) => list.reduce((sum, value) => sum + value * value, 0) / list.length
    expect(variance(values('conv2/kernel')) / (2 / (9 * 32))).toBeCloseTo(1, 1)
    expect(variance(values('output/kernel')) / (2 / (128 + 10))).toBeCloseTo(1, 1)
    expect(Math.max(...values('output/kernel').map(Math.abs))).toBeLessThanOrEqual(Math.fround(Math.sqrt(6 / 138)))
    expect(values('conv1/bias').every((value) => value === 0)).toBe(true)
  })
})

describe('tfjs LayersModels', () => {
  it('of a module draw dropout from the seed of the minibatch', async () => {
    const engine = await start(`${MODELS}#layersModel`, await images(4, 1))
    const { state, into } = await firstGradient(engine)
    const [again, other] = [vectorOf(engine), vectorOf(engine)]
    await engine.gradient({ state, minibatch, into: again })
    await engine.gradient({ state, minibatch: { ...minibatch, seed: 2 }, into: other })
    expect(again).toEqual(into)
    expect(other).not.toEqual(into)
  })

  it('of a softmax in a model of its own have the loss of the same without that', async () => {
    const loss = async (name: string) =>
      (await firstGradient(await start(`${MODELS}#${name}`, await images(4, 1)))).loss
    expect(await loss('softmaxNested')).toBeCloseTo(await loss('softmax'), 5)
  })

  async function save(withWeights: boolean): Promise<{ path: string; weights: Float32Array }> {
    await import('@tensorflow/tfjs-backend-cpu')
    tf.enableProdMode()
    const model = sequential({
      layers: [layers.flatten({ inputShape: [4, 4, 1] }), layers.dense({ units: 10, activation: 'softmax' })]
    })
    const path = join(directory, withWeights ? 'model.json' : 'topology.json')
    let weights = new Float32Array(0)
    await model.save(
      tf.io.withSaveHandler((artifacts) => {
        const bytes = new Uint8Array(artifacts.weightData as ArrayBuffer)
        weights = new Float32Array(bytes.slice().buffer)
        writeFileSync(join(directory, 'shard1.bin'), bytes.subarray(0, 100))
        writeFileSync(join(directory, 'shard2.bin'), bytes.subarray(100))
        const weightsManifest = [{ paths: ['shard1.bin', 'shard2.bin'], weights: artifacts.weightSpecs }]
        const { modelTopology } = artifacts
        writeFileSync(path, JSON.stringify({ modelTopology, ...(withWeights ? { weightsManifest } : {}) }))
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } })
      })
    )
    return { path, weights }
  }

  it('of a file start from its weights and train', async () => {
    const { path, weights } = await save(true)
    const { state, loss, into } = await firstGradient(await start(path, await images(4, 1)))
    expect(new Float32Array(state)).toEqual(weights)
    expect(loss).toBeGreaterThan(1)
    expect(into.every(Number.isFinite)).toBe(true)
    expect(into.some((value) => value !== 0)).toBe(true)
  })

  it('of a file without weights start from the seed', async () => {
    const { path } = await save(false)
    const engine = await start(path, await images(4, 1))
    const [one, other] = [vectorOf(engine), vectorOf(engine)]
    await engine.initialise(1, one)
    await engine.initialise(2, other)
    expect(one).not.toEqual(other)
  })

  it.each([
    ['no such file', 'absent.json', undefined, 'missing'],
    ['not JSON', 'broken.json', '{', 'corrupt'],
    ['another JSON', 'other.json', '{"a": 1}', 'corrupt'],
    ['a topology of nothing', 'empty.json', '{"modelTopology": {"class_name": "Magic", "config": {}}}', 'corrupt']
  ])('are refused: %s', async (_, name, content, code) => {
    const path = join(directory, name)
    if (content !== undefined) writeFileSync(path, content)
    await expect(start(path, await images(4, 1))).rejects.toMatchObject({ code })
  })
})

describe('back ends', () => {
  it('auto goes on when what is installed for WebGPU does not load', async () => {
    const put = (name: string, code: string) => {
      const at = join(directory, 'node_modules', name)
      mkdirSync(at, { recursive: true })
      writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'index.js' }))
      writeFileSync(join(at, 'index.js'), code)
    }
    put('@tensorflow/tfjs-backend-webgpu', 'exports.WebGPUBackend = class {}')
    put('@tensorflow/tfjs-core', '')
    put('webgpu', "throw new Error('libfoo.so: cannot open shared object file')")
    const before = process.cwd()
    process.chdir(directory)
    try {
      const engine = await start('mlp', await images(4, 1), 'auto')
      expect(engine.name).toBe('wasm')
      expect(engine.describe).toContain('libfoo.so')
    } finally {
      process.chdir(before)
    }
  })

  it('auto says what runs and why', async () => {
    const engine = await start('mlp', await images(4, 1), 'auto')
    const first = engines().find(({ available }) => available)
    expect(engine.name).toBe(first!.name)
    expect(engine.describe).toContain(`${engine.name} ${first!.version!}`)
  })

  it('are all listed, and what is absent says how to install it', () => {
    const list = engines()
    expect(list.map(({ name }) => name)).toEqual(['tensorflow-gpu', 'tensorflow', 'webgpu', 'wasm', 'cpu'])
    for (const { name, available, why } of list) {
      if (['wasm', 'cpu'].includes(name)) expect(available).toBe(true)
      if (!available) expect(why).toMatch(/npm install|npm rebuild|driver/)
    }
  })
})
