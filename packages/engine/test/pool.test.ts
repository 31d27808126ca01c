import { Arena, layoutLength, PeergradError, type Vector } from '@peergrad/core'
import { createEngine, loadDataset, type TfjsEngine } from '@peergrad/engine'
import { getEventListeners } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const MODELS = fileURLToPath(new URL('./fixtures/models.mjs', import.meta.url))
const arena = Arena.create({ bytes: 4 << 20 })
const minibatch = { samples: Uint32Array.of(0, 1, 2), seed: 1 }
let directory: string
let engine: TfjsEngine | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'peergrad-engine-'))
  writeFileSync(join(directory, 'marker'), '')
})
afterEach(async () => {
  await engine?.close()
  engine = undefined
  rmSync(directory, { recursive: true })
})

async function start(
  model: string,
  {
    workers = 1,
    backend = 'cpu',
    ...more
  }: { workers?: number; backend?: string; pluginTimeout?: number; signal?: AbortSignal } = {}
): Promise<TfjsEngine> {
  const dataset = await loadDataset('synthetic:side=4,classes=3', { cacheDirectory: directory })
  engine = await createEngine({ backend, model, dataset, arena, workers, ...more })
  return engine
}
const vectorOf = ({ layout }: TfjsEngine): Vector => arena.allocate(layoutLength(layout)).fill(0)
const marker = () => join(directory, 'marker')

it('says why its start was given up', async () => {
  const signal = AbortSignal.abort(new PeergradError('aborted', 'stopped by SIGINT'))
  await expect(start('mlp', { signal })).rejects.toMatchObject({ code: 'aborted', message: 'stopped by SIGINT' })
})

it('an evaluation in many parts listens to its signal once, and is given up by it', async () => {
  const engine = await start('mlp')
  const controller = new AbortController()
  const { signal } = controller
  const evaluation = engine.evaluate({ state: vectorOf(engine), samples: new Uint32Array(20_000), signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  controller.abort()
  await expect(evaluation).rejects.toMatchObject({ code: 'aborted' })
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  expect((await engine.evaluate({ state: vectorOf(engine), limit: 5 })).samples).toBe(5)
})

describe('a worker that crashes', () => {
  it('is replaced, and its call is run again', async () => {
    const engine = await start(`${MODELS}#crashing:marker=${marker()},times=1`)
    const [state, into] = [vectorOf(engine), vectorOf(engine)]
    const { loss } = await engine.gradient({ state, minibatch, into })
    expect(loss).toBeCloseTo(Math.log(3), 5)
    expect(into.some((value) => value !== 0)).toBe(true)
    expect(readFileSync(marker(), 'utf8')).toBe('x')
  })

  it('twice on one call makes it fail, and the next call runs', async () => {
    const engine = await start(`${MODELS}#crashing:marker=${marker()},times=2`)
    const [state, into] = [vectorOf(engine), vectorOf(engine)]
    const failed = engine.gradient({ state, minibatch, into })
    await expect(failed).rejects.toMatchObject({ code: 'crashed', message: expect.stringContaining('code 3') })
    expect((await engine.gradient({ state, minibatch, into })).samples).toBe(3)
    expect(readFileSync(marker(), 'utf8')).toBe('xx')
  })

  it('does not hurt the calls of the others', async () => {
    const engine = await start(`${MODELS}#crashing:marker=${marker()},times=1`, { workers: 2 })
    const state = vectorOf(engine)
    const results = Array.from({ length: 6 }, () => vectorOf(engine))
    await Promise.all(results.map((into) => engine.gradient({ state, minibatch, into })))
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('and cannot be started again fails what waits and what comes', async () => {
    const engine = await start(`${MODELS}#unrepeatable:marker=${marker()}`)
    const [state, into] = [vectorOf(engine), vectorOf(engine)]
    const calls = [1, 2].map(() => engine.gradient({ state, minibatch, into }))
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'crashed' })
    await expect(engine.evaluate({ state })).rejects.toMatchObject({ code: 'crashed' })
  })
})

it('an error in a model rejects the call and leaves the worker', async () => {
  const engine = await start(`${MODELS}#throwing`)
  const [state, into] = [vectorOf(engine), vectorOf(engine)]
  const failed = engine.gradient({ state, minibatch, into })
  await expect(failed).rejects.toMatchObject({
    code: 'internal',
    message: `model ${MODELS}#throwing threw: no luck`
  })
  expect((await engine.evaluate({ state, limit: 5 })).samples).toBe(5)
})

it('a model that does not end its work is ended and named, whether it builds or trains', async () => {
  await expect(start(`${MODELS}#hangsBuilding`, { pluginTimeout: 1500 })).rejects.toMatchObject({
    code: 'crashed',
    message: `engine: model ${MODELS}#hangsBuilding did not end its work within 1.5 s, so it was ended; mend what loops there, or raise --deadline if it is only slow`,
    data: { plugin: `model ${MODELS}#hangsBuilding` }
  })
  const engine = await start(`${MODELS}#hanging`, { pluginTimeout: 5000 })
  const [state, into] = [vectorOf(engine), vectorOf(engine)]
  await expect(engine.gradient({ state, minibatch, into })).rejects.toMatchObject({
    message: `engine: model ${MODELS}#hanging did not end its work within 5 s, so it was ended; mend what loops there, or raise --deadline if it is only slow`
  })
  expect((await engine.evaluate({ state, limit: 5 })).samples).toBe(5)
})

describe('what cannot be started', () => {
  it.each([
    ['resnet99', 'unknown', /mlp, cnn, cnn-byzfl, mobilenet, resnet18/],
    ['mlp:hiden=3', 'unknown', /hidden/],
    ['mlp:hidden=0', 'argument', /whole number/],
    ['no-such-package/model', 'missing', /install/],
    [`${MODELS}.gone.mjs`, 'missing', /gone/],
    [`${MODELS}#nothing`, 'unknown', /crashing/],
    [`${MODELS}#noModel`, 'argument', /function/],
    [`${MODELS}#oneScoreTooMany`, 'shape', /\[2, 4\].*expected \[2, 3\]/],
    [`${MODELS}#withoutVariable`, 'argument', /got 0 variables of 1 tensors/],
    [`${MODELS}#otherShape`, 'argument', /"kernel": got a variable of shape \[16, 3\], expected \[2, 2\]/],
    [`${MODELS}#unknownInitialiser`, 'argument', /"kernel": got the initialiser "glorotUniform", .* scaled, values/],
    [`${MODELS}#tooFewValues`, 'argument', /"kernel": got 3 initial values, expected 48/],
    [`${MODELS}#wrongInput`, 'shape', /\[5\].*\[4, 4, 1\]/],
    [`${MODELS}#identity`, 'unsupported', /Identity/],
    ['cnn-byzfl', 'shape', /filter/]
  ])('%s: %s', async (model, code, message) => {
    await expect(start(model)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it.each([
    ['abacus', 'unknown', /auto, tensorflow-gpu, tensorflow, webgpu, wasm, cpu/],
    ['tensorflow-gpu', 'unsupported', /npm install @tensorflow\/tfjs-node-gpu/]
  ])('the back end %s: %s', async (backend, code, message) => {
    await expect(start('mlp', { backend })).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('no workers', async () => {
    await expect(start('mlp', { workers: 0 })).rejects.toMatchObject({ code: 'argument' })
  })
})
