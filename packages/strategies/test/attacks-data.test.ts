import {
  createKernels,
  loadPlugin,
  random,
  resolvePlugin,
  type Aggregator,
  type DataAttack,
  type Dataset,
  type Split,
  type Vector
} from '@peergrad/core'
import { attacks, mean, median } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { inMemory } from './in-memory.js'

const CLASSES = 3
const FEATURES = 4
const WEIGHTS = CLASSES * (FEATURES + 1)
const PEERS = 5
/** Peers with poisoned data. */
const HOSTILE = 2
const STEPS = 30
const RATE = 1

/** Class c is where feature c is large; the last feature says nothing, and there a backdoor has its patch. */
function split(count: number, seed: number): Split {
  const noise = random(seed)
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  const features = new Float32Array(new SharedArrayBuffer(4 * count * FEATURES))
  for (let i = 0; i < count; i++) {
    labels[i] = noise.below(CLASSES)
    for (let j = 0; j < FEATURES; j++) features[i * FEATURES + j] = noise.normal() / 2 + (labels[i] === j ? 2 : 0)
  }
  return { count, features, labels }
}

const dataset: Dataset = {
  name: 'blobs',
  shape: [FEATURES],
  classes: CLASSES,
  normalise: { scale: 1, mean: [0], deviation: [1] },
  augment: { crop: 0, flip: false },
  train: split(250, 1),
  test: split(300, 2)
}

const vector = () => new Float32Array(new SharedArrayBuffer(4 * WEIGHTS)) as Vector

/** Probabilities of the classes for one sample, by a linear model. */
function predict(weights: Vector, { features }: { features: ArrayLike<number> }, sample: number): number[] {
  const scores = Array.from({ length: CLASSES }, (_, k) => {
    let score = weights[k * (FEATURES + 1) + FEATURES]!
    for (let j = 0; j < FEATURES; j++) score += weights[k * (FEATURES + 1) + j]! * features[sample * FEATURES + j]!
    return Math.exp(score)
  })
  const sum = scores.reduce((total, score) => total + score, 0)
  return scores.map((score) => score / sum)
}

/** Of the cross-entropy over the samples of one peer. */
function gradient(weights: Vector, data: Split, peer: number): Vector {
  const out = vector()
  const features = inMemory(data)
  const share = PEERS / data.count
  for (let sample = peer; sample < data.count; sample += PEERS) {
    for (const [k, p] of predict(weights, { features }, sample).entries()) {
      const error = (p - Number(data.labels[sample] === k)) * share
      for (let j = 0; j < FEATURES; j++) out[k * (FEATURES + 1) + j]! += error * features[sample * FEATURES + j]!
      out[k * (FEATURES + 1) + FEATURES]! += error
    }
  }
  return out
}

/** The model that the peers train together, some on what the attack made of the data. */
async function train(rule: Aggregator, text?: string): Promise<Vector> {
  const attack = text && ((await loadPlugin('attack', resolvePlugin(attacks, text))) as DataAttack)
  const poisoned = attack ? attack.corrupt(dataset, random(3)) : dataset
  const weights = vector()
  const out = vector()
  const samples = Array(PEERS).fill(1)
  const scratch = () => ({ vector: vector(), release: () => {} })
  for (let step = 0; step < STEPS; step++) {
    const vectors = Array.from({ length: PEERS }, (_, peer) =>
      gradient(weights, (peer < HOSTILE ? poisoned : dataset).train, peer)
    )
    rule.aggregate({ vectors, samples, out, kernels: createKernels(), random: random(step), scratch })
    for (let i = 0; i < WEIGHTS; i++) weights[i]! -= RATE * out[i]!
  }
  return weights
}

function loss(weights: Vector, { test } = dataset): number {
  let sum = 0
  for (let i = 0; i < test.count; i++)
    sum -= Math.log(predict(weights, { features: inMemory(test) }, i)[test.labels[i]!]!)
  return sum / test.count
}

/** Share of the samples with a patch that are taken for class 0. */
function fooled(weights: Vector): number {
  const features = inMemory(dataset.test).map((value, i) => (i % FEATURES === FEATURES - 1 ? 4 : value))
  const { count: samples } = dataset.test
  let count = 0
  for (let i = 0; i < samples; i++) {
    const [target, ...others] = predict(weights, { features }, i)
    count += Number(target! > Math.max(...others))
  }
  return count / samples
}

describe('two of five peers with poisoned data', () => {
  it.each(['label-flip', 'random-labels', 'sorted-labels', 'feature-noise'])(
    '%s: the mean learns both, the median the truth',
    async (text) => {
      const clean = loss(await train(mean({})))
      const undefended = loss(await train(mean({}), text))
      const defended = loss(await train(median({}), text))
      expect(undefended).toBeGreaterThan(4 * clean)
      expect(defended).toBeLessThan(2 * clean)
    }
  )

  it('backdoor: the mean learns the patch, the median does not', async () => {
    const text = 'backdoor:size=1'
    expect(fooled(await train(mean({})))).toBeLessThan(0.5)
    expect(fooled(await train(mean({}), text))).toBeGreaterThan(0.8)
    expect(fooled(await train(median({}), text))).toBeLessThan(0.6)
  })

  it('backdoor: its aim are the test samples of the other classes, with the patch, and leaves the data as they are', async () => {
    const attack = (await loadPlugin('attack', resolvePlugin(attacks, 'backdoor:size=1,target=2'))) as DataAttack
    const before = inMemory(dataset.test).slice()
    const aimed = attack.aim!(dataset)
    const others = [...dataset.test.labels.keys()].filter((sample) => dataset.test.labels[sample] !== 2)
    expect(aimed.count).toBe(others.length)
    expect(new Set(aimed.labels)).toEqual(new Set([2]))
    const brightest = Math.max(...inMemory(dataset.train))
    const features = inMemory(aimed)
    for (const [row, sample] of others.entries()) {
      const own = before.subarray(sample * FEATURES, (sample + 1) * FEATURES - 1)
      expect(features.subarray(row * FEATURES, (row + 1) * FEATURES)).toEqual(Float32Array.of(...own, brightest))
    }
    expect(inMemory(dataset.test)).toEqual(before)
  })
})
