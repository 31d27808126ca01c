import { readFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Arena, layoutLength, random, type Dataset, type Vector } from '@peergrad/core'
import { createEngine, loadDataset, type TfjsEngine } from '@peergrad/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { inLayoutOrder } from '../dist/models/model.js'
import { loadModel } from '../dist/models/load.js'
import { modelReference } from '../dist/models/reference.js'

const MODELS = fileURLToPath(new URL('./fixtures/models.mjs', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'peergrad-export-'))
const arena = Arena.create({ bytes: 256 << 20 })
const running: TfjsEngine[] = []

beforeAll(async () => {
  await import('@tensorflow/tfjs-backend-cpu')
  tf.enableProdMode()
  await tf.setBackend('cpu')
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((engine) => engine.close()))
})
afterAll(() => rmSync(directory, { recursive: true }))

async function start(model: string, [height, width, channels]: readonly number[], backend = 'wasm') {
  const text = `synthetic:train=32,test=8,side=${height},channels=${channels}`
  expect(width).toBe(height)
  const dataset = await loadDataset(text, { cacheDirectory: directory })
  const engine = await createEngine({ backend, model, dataset, arena, workers: 1 })
  running.push(engine)
  return { engine, dataset }
}

/** As after some training: nothing is what it starts as, variances are above 0, and logits stay small. */
async function trained(engine: TfjsEngine): Promise<Vector> {
  const state = arena.allocate(layoutLength(engine.layout))
  await engine.initialise(1, state)
  const source = random(1, 'trained')
  for (const { name, offset, length } of engine.layout.slots) {
    for (let i = offset; i < offset + length; i++) {
      if (name.includes('kernel')) state[i]! *= 1 + 0.2 * source.normal()
      else if (/variance$/.test(name)) state[i] = 0.5 + source.uniform()
      else if (/gamma$/.test(name)) state[i] = 0.75 + 0.5 * source.uniform()
      else state[i] = 0.1 * source.normal()
    }
  }
  return state
}

/** By what the format of tfjs's files says. */
function load(folder: string) {
  const { modelTopology, weightsManifest, format } = JSON.parse(
    readFileSync(join(folder, 'model.json'), 'utf8')
  ) as tf.io.ModelJSON
  expect(format).toBe('layers-model')
  const [group] = weightsManifest
  const bytes = readFileSync(join(folder, group!.paths[0]!))
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  return layers.loadLayersModel({
    load: () => Promise.resolve({ modelTopology, weightSpecs: group!.weights, weightData })
  })
}

/** Logits of the model as the engine runs it. */
async function forward(model: string, dataset: Dataset, engine: TfjsEngine, state: Vector, x: tf.Tensor) {
  const backend = {
    tf,
    layers: () => Promise.resolve(layers),
    upload: (values: Float32Array, shape: readonly number[]) => tf.tensor(values, [...shape]),
    download: () => {}
  }
  const own = await loadModel(modelReference(model), backend, dataset)
  const variables = inLayoutOrder(
    own.variables.map((variable, i) => ({ variable, trainable: own.tensors[i]!.trainable }))
  )
  engine.layout.slots.forEach(({ offset, length, shape }, i) => {
    variables[i]!.variable.assign(tf.tensor(state.slice(offset, offset + length), [...shape]))
  })
  return own.forward(x, false)
}

describe('a LayersModel for other tools', () => {
  it.each([
    ['mlp', [28, 28, 1]],
    ['cnn', [12, 12, 3]],
    ['cnn-byzfl', [16, 16, 1]],
    ['mobilenet', [9, 9, 3]],
    ['resnet18', [9, 9, 3]],
    [`${MODELS}#layersModel`, [4, 4, 1]],
    [`${MODELS}#frozen`, [4, 4, 1]]
  ])('of %s gives the same logits', async (model, shape) => {
    const { engine, dataset } = await start(model, shape)
    const state = await trained(engine)
    const folder = join(directory, model.replace(/\W/g, ''))
    expect(await engine.saveLayersModel({ state, directory: folder, about: {} })).toBe(join(folder, 'model.json'))
    expect(readdirSync(folder).sort()).toEqual(['model.json', 'weights.bin'])
    const loaded = await load(folder)
    const source = random(2)
    const values = Float32Array.from({ length: 3 * shape[0]! * shape[1]! * shape[2]! }, () => source.normal())
    const x = tf.tensor4d(values, [3, shape[0]!, shape[1]!, shape[2]!])
    const expected = [...(await forward(model, dataset, engine, state, x)).dataSync()]
    const got = [...(loaded.predict(x) as tf.Tensor).dataSync()]
    expect(got).toHaveLength(3 * 10)
    expect(new Set(got).size).toBeGreaterThan(20)
    got.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5))
  })

  it('of a LayersModel that ends in softmax gives its probabilities', async () => {
    const model = `${MODELS}#softmax`
    const { engine, dataset } = await start(model, [4, 4, 1])
    const state = await trained(engine)
    await engine.saveLayersModel({ state, directory: join(directory, 'softmax'), about: {} })
    const x = tf.randomNormal([2, 4, 4, 1], 0, 1, 'float32', 1)
    const logits = await forward(model, dataset, engine, state, x)
    const got = (await load(join(directory, 'softmax'))).predict(x) as tf.Tensor
    got.dataSync().forEach((value, i) => expect(value).toBeCloseTo(Math.exp(logits.dataSync()[i]!), 5))
  })

  it('says what it was trained on, and can be trained further', async () => {
    const { engine } = await start('cnn', [8, 8, 3])
    const state = await trained(engine)
    const path = await engine.saveLayersModel({ state, directory: join(directory, 'about'), about: { round: 7 } })
    const { userDefinedMetadata } = JSON.parse(readFileSync(path, 'utf8')) as tf.io.ModelJSON
    expect(userDefinedMetadata).toEqual({
      peergrad: {
        round: 7,
        dataset: 'synthetic',
        shape: [8, 8, 3],
        classes: 10,
        normalise: expect.objectContaining({ scale: 1 / 255 }) as unknown
      }
    })
    const { engine: again } = await start(path, [8, 8, 3])
    const from = arena.allocate(layoutLength(again.layout))
    await again.initialise(1, from)
    expect(await again.evaluate({ state: from })).toEqual(await engine.evaluate({ state }))
  })

  it('leaves nothing behind in the engine', async () => {
    const { engine } = await start('resnet18', [8, 8, 3])
    const state = await trained(engine)
    const save = () => engine.saveLayersModel({ state, directory: join(directory, 'leak'), about: {} })
    await engine.evaluate({ state })
    const before = await engine.tensors()
    await save()
    await save()
    expect(await engine.tensors()).toEqual(before)
  })

  it('of a model that is not made of layers is said to be none', async () => {
    const { engine } = await start(`${MODELS}#throwing`, [4, 4, 1])
    const state = await trained(engine)
    const saving = engine.saveLayersModel({ state, directory: join(directory, 'none'), about: {} })
    await expect(saving).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('is not there by half when the disk is full, or something is in its way', async () => {
    const { engine } = await start('mlp', [4, 4, 1])
    const state = await trained(engine)
    const folder = join(directory, 'full')
    const save = (to: string) => engine.saveLayersModel({ state, directory: to, about: {} })
    await save(folder)
    // every write to /dev/full is answered with ENOSPC
    symlinkSync('/dev/full', join(folder, 'weights.bin.unfinished'))
    await expect(save(folder)).rejects.toMatchObject({ code: 'full' })
    expect(readdirSync(folder).sort()).toEqual(['model.json', 'weights.bin'])
    writeFileSync(join(directory, 'file'), '')
    await expect(save(join(directory, 'file'))).rejects.toMatchObject({ code: 'argument' })
  })
})
