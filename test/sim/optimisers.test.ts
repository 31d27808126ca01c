import {
  createKernels,
  learningRateAt,
  optimiserState,
  optimiserStep,
  parseSchedule,
  type Engine,
  type GradientStore,
  type OptimiserSpec,
  type RunManifest,
  type Vector
} from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { lastModel, peerName, Simulation } from './swarm.js'

const PARAMETERS = 1496
const LENGTH = 1500
const ROUNDS = 6
const kernels = createKernels({ path: 'scalar' })

let simulation: Simulation
afterEach(() => simulation.stop())

const vectorOf = (values: ArrayLike<number>): Vector => {
  const vector = new Float32Array(new SharedArrayBuffer(4 * values.length))
  vector.set(values)
  return vector
}
const zeros = (spec: OptimiserSpec) =>
  Array.from({ length: optimiserState(spec) }, () => vectorOf(new Float32Array(PARAMETERS)))

/** What the engines of a run computed, in order. */
interface Recorded {
  start: Vector
  /** gradients by peer */
  readonly gradients: readonly Vector[][]
}

/** Runs it, and returns the last model beside what the engines computed. */
async function run(strategy: string, manifest: Partial<RunManifest>) {
  const { peers = 2 } = manifest
  simulation = new Simulation({ strategy, rounds: ROUNDS, minibatches: 1, peers, ...manifest })
  const recorded: Recorded = {
    start: vectorOf([]),
    gradients: Array.from({ length: peers }, () => [])
  }
  const engine = (index: number) => (honest: Engine) =>
    replace(honest, {
      async initialise(seed, into) {
        await honest.initialise(seed, into)
        recorded.start = vectorOf(into)
      },
      async gradient(request) {
        const result = await honest.gradient(request)
        recorded.gradients[index].push(vectorOf(request.into))
        return result
      }
    })
  const [first] = Array.from({ length: peers }, (_, index) =>
    simulation.start(peerName(index), { disguise: { engine: engine(index) } })
  )
  const results = await simulation.results()
  const model = await lastModel(first)
  simulation.stop()
  const [{ parametersHash: hash, members }] = results
  return { recorded, model, hash, members }
}

interface Work {
  readonly optimiser: OptimiserSpec
  readonly schedule: string
  /** steps that each peer makes by itself in a round, with its own optimiser; 0: gradients are averaged */
  readonly every: number
  /** steps the model with the mean distance that the peers came */
  readonly outer?: OptimiserSpec
}

/** The last model, with nothing of the runtime but the kernels. */
function byHand({ start, gradients }: Recorded, { optimiser, schedule, every, outer = optimiser }: Work): number[] {
  const rateOf = (step: number) => learningRateAt(parseSchedule(schedule), step, optimiser.learningRate)
  const step = (spec: OptimiserSpec, from: Vector, gradient: Vector, state: Vector[], at: number, rate: number) => {
    const out = vectorOf(from)
    optimiserStep(kernels, spec, {
      parameters: from,
      gradient,
      state,
      out,
      outState: state,
      step: at,
      learningRate: rate
    })
    return out
  }
  const mean = (vectors: readonly Vector[]) => {
    const out = vectorOf(vectors[0])
    kernels.mean(out, vectors)
    return out
  }
  const own = gradients.map(() => zeros(optimiser))
  const shared = zeros(outer)
  let model = vectorOf(start.subarray(0, PARAMETERS))
  let buffers: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const each = Math.max(1, every)
    const made = gradients.map((all) => all.slice(round * each, (round + 1) * each))
    buffers = [...mean(made.map((all) => vectorOf(all.at(-1)!.subarray(PARAMETERS))))]
    const given = made.map((all, peer) => {
      const parameters = all.map((gradient) => vectorOf(gradient.subarray(0, PARAMETERS)))
      if (every === 0) return parameters[0]
      const end = parameters.reduce((at, gradient, index) => {
        const number = round * every + index + 1
        return step(optimiser, at, gradient, own[peer], number, rateOf(number))
      }, model)
      return vectorOf(model.map((value, i) => value - end[i]))
    })
    const rate = every === 0 ? rateOf(round + 1) : outer.learningRate
    model = step(outer, model, mean(given), shared, round + 1, rate)
  }
  return [...model, ...buffers]
}

const AVERAGED = { name: 'sgd', learningRate: 1 } as const
const NESTEROV = { name: 'nesterov', learningRate: 0.7, momentum: 0.9 } as const
const WARM = 'cosine:steps=9,final=0.1,warmup=3'

describe.each<[OptimiserSpec, string]>([
  [{ name: 'sgd', learningRate: 0.2, weightDecay: 0.01 }, 'constant:warmup=2'],
  [{ name: 'momentum', learningRate: 0.1, momentum: 0.9 }, WARM],
  [{ name: 'adam', learningRate: 0.05 }, 'step:every=4,factor=0.5'],
  [{ name: 'adamw', learningRate: 0.05 }, WARM]
])('with %j and the schedule %s', (optimiser, schedule) => {
  const manifest = { optimiser, schedule }

  it.each<[string, Pick<Work, 'every' | 'outer'>]>([
    ['all-gather', { every: 0 }],
    ['all-reduce:every=3', { every: 3, outer: AVERAGED }],
    ['mlless:own-steps=true,v=0', { every: 1, outer: AVERAGED }],
    ['diloco:every=3', { every: 3, outer: NESTEROV }]
  ])('%s makes the steps, moments and buffers that are made by hand', async (strategy, work) => {
    const { recorded, model } = await run(strategy, { ...manifest, filter: 'auto' })
    expect(recorded.gradients.map(({ length }) => length)).toEqual(Array(2).fill(ROUNDS * Math.max(1, work.every)))
    expect(model).toHaveLength(LENGTH)
    expect(model).toEqual(byHand(recorded, { ...manifest, ...work }))
  })

  it('every synchronous strategy with one peer is the baseline', async () => {
    const alone = async (strategy: string) => (await run(strategy, { ...manifest, peers: 1, filter: 'none' })).hash
    const local = await alone('local')
    expect(local).not.toBe((await run('local', { ...manifest, schedule: 'constant', peers: 1 })).hash)
    for (const strategy of [
      'spirt',
      'mlless:own-steps=false',
      'scatter-reduce',
      'all-reduce',
      'all-gather',
      'ring',
      'gossip'
    ])
      expect([strategy, await alone(strategy)]).toEqual([strategy, local])
    expect(await alone('diloco:every=3,lr=1,momentum=0')).toBe(await alone('local:every=3'))
  })
})

it('gossip steps and averages with its neighbours as D-PSGD does by hand', async () => {
  const peers = 5
  const optimiser = { name: 'sgd', learningRate: 0.2 } as const
  const { recorded, model, members } = await run('gossip:topology=ring', { peers, optimiser })
  // by rank
  const gradients = members.map((member) => recorded.gradients[range(peers).findIndex((i) => peerName(i) === member)])
  let models = range(peers).map(() => [...recorded.start.subarray(0, PARAMETERS)])
  for (let round = 0; round < ROUNDS; round++) {
    const stepped = models.map((x, rank) => x.map((value, i) => value - 0.2 * gradients[rank][round][i]))
    // a ring of five: each third is of one of those next to it
    const next = (rank: number) =>
      round < ROUNDS - 1 ? [-1, 0, 1].map((by) => (rank + by + peers) % peers) : range(peers)
    models = models.map((x, rank) => x.map((_, i) => meanOf(next(rank).map((other) => stepped[other][i]))))
  }
  const off = model.slice(0, PARAMETERS).map((value, i) => Math.abs(value - models[0][i]))
  expect(Math.max(...off)).toBeLessThan(1e-5)
})

it('who comes anew counts the steps of its own optimiser, whose moments begin at zero, and not those of the run', async () => {
  const peers = 3
  simulation = new Simulation({
    strategy: 'diloco:every=3',
    peers,
    rounds: 60,
    optimiser: { name: 'adam', learningRate: 0.05 }
  })
  const [first] = range(peers).map((index) => simulation.start(peerName(index)))
  await simulation.when(() => first.events.some((event) => event.type === 'round' && event.round === 9))
  const steps: number[] = []
  const store = (honest: GradientStore) =>
    replace(honest, {
      applyUpdate(request) {
        if (request.optimiser.name === 'adam') steps.push(request.step)
        return honest.applyUpdate(request)
      }
    })
  simulation.start(peerName(peers), { disguise: { store } })
  await simulation.results()
  expect(steps.length).toBeGreaterThan(3)
  expect(steps).toEqual(steps.map((_, index) => index + 1))
})

const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
