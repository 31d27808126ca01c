import assert from 'node:assert/strict'
import { Arena, createKernels, layoutLength, optimiserStep, random, type Engine, type Vector } from '@peergrad/core'
import { createEngine, modelReference, type TfjsEngine } from '@peergrad/engine'
import { assertSame, bits } from './arrays.js'
import { judge, type CheckOptions, type Law, type Report } from './law.js'
import { patterns } from './patterns.js'

export interface ModelProperties {
  /** shape of a sample; [28, 28, 1] unless given */
  readonly shape?: readonly number[]
  /** 10 unless given */
  readonly classes?: number
  /** back end, one of `peergrad engines`; `wasm` unless given */
  readonly engine?: string
}

const MEMORY = 2 ** 30
/** samples of the minibatch that the laws are about */
const BATCH = 16
/** steps of Adam on it, and its rate */
const STEPS = 30
const ADAM = { name: 'adam', learningRate: 0.003 } as const
/** share of what it was that the loss must have come under after them */
const LEARNT = 0.8

/**
 * The laws of a model, on patterns of its shape that anything learns. It is named by its module, as on a command line,
 * for the workers of the engine to import it. Rejects with a report of those that do not hold.
 */
export async function checkModel(
  module: string,
  {
    shape = [28, 28, 1],
    classes = 10,
    engine: backend = 'wasm',
    options
  }: ModelProperties & Pick<CheckOptions, 'options'> = {}
): Promise<Report> {
  const { options: given, ...reference } = modelReference(module)
  const model = { ...reference, options: { ...options, ...given } }
  const arena = Arena.create({ bytes: MEMORY })
  const dataset = patterns({ shape, classes, samples: Math.max(BATCH, classes) })
  const opened: TfjsEngine[] = []
  const open = async () => {
    const engine = await createEngine({ backend, model, dataset, arena, workers: 1 })
    opened.push(engine)
    return engine
  }
  let first: Promise<TfjsEngine> | undefined
  try {
    return await judge(`model ${module}`, modelLaws({ arena, open, shared: () => (first ??= open()) }))
  } finally {
    await Promise.all(opened.map((engine) => engine.close()))
  }
}

interface Components {
  readonly arena: Arena
  /** a new engine with the model */
  readonly open: () => Promise<TfjsEngine>
  /** the one that the laws share */
  readonly shared: () => Promise<TfjsEngine>
}

function modelLaws({ arena, open, shared }: Components): Law[] {
  const kernels = createKernels({ memory: arena.memory })
  const minibatch = { samples: Uint32Array.from({ length: BATCH }, (_, i) => i), seed: 1 }
  const lent = new Set<Vector>()
  const vector = (engine: Engine) => {
    const made = arena.allocate(layoutLength(engine.layout)).fill(0)
    lent.add(made)
    return made
  }
  const free = (made: Vector) => {
    if (lent.delete(made)) arena.free(made)
  }
  const initial = async (engine: Engine) => {
    const state = vector(engine)
    await engine.initialise(1, state)
    return state
  }
  const gradientAt = async (engine: Engine, state: Vector) => {
    const into = vector(engine)
    const { loss } = await engine.gradient({ state, minibatch, into })
    return { loss, into }
  }

  const laws: Law[] = [
    {
      name: 'builds, and gives a score for each class',
      first: true,
      prove: async () => assert.ok((await shared()).layout.parameters > 0, 'it has nothing to train')
    },
    {
      name: 'starts from finite numbers, the same for a seed',
      async prove() {
        const engine = await shared()
        const [one, again] = [await initial(engine), await initial(engine)]
        assertFinite(one, 'the initial state')
        assertSame(bits(again), bits(one), 'bits for one seed')
      }
    },
    {
      name: 'gives a finite loss and gradient, the same again, from another instance too, and leaves the state as it was',
      async prove() {
        const [engine, another] = [await shared(), await open()]
        const state = await initial(engine)
        const before = bits(state)
        const { loss, into } = await gradientAt(engine, state)
        assert.ok(Number.isFinite(loss), `got a loss of ${loss}`)
        assertFinite(into, 'the gradient')
        for (const which of [engine, another]) {
          assertSame(bits((await gradientAt(which, state)).into), bits(into), 'bits of the gradient')
        }
        assertSame(bits(state), before, 'the state that it was given')
      }
    },
    {
      name: 'gives the slope of its loss as the gradient',
      async prove() {
        const engine = await shared()
        const { parameters } = engine.layout
        const state = await initial(engine)
        const { into } = await gradientAt(engine, state)
        const gradient = into.slice(0, parameters)
        const length = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0))
        const source = random(3)
        const some = [1, 2, 3, 4].map(() => gradient.map(() => source.normal() / Math.sqrt(parameters)))
        for (const direction of [gradient.map((value) => value / (length || 1)), ...some]) {
          const lossAt = async (step: number) => {
            const moved = vector(engine)
            moved.set(state)
            direction.forEach((value, i) => (moved[i] += step * value))
            const { loss, into } = await gradientAt(engine, moved)
            free(moved)
            free(into)
            return loss
          }
          const slope = ((await lossAt(2e-3)) - (await lossAt(-2e-3))) / 4e-3
          const said = gradient.reduce((sum, value, i) => sum + value * direction[i], 0)
          const close = Math.abs(slope - said) < 2e-3 + 0.02 * length
          assert.ok(close, `the loss has a slope of ${slope} where the gradient says ${said}`)
        }
      }
    },
    {
      name: `learns ${BATCH} samples in ${STEPS} steps of Adam`,
      async prove() {
        const engine = await shared()
        const { parameters } = engine.layout
        const state = await initial(engine)
        const moments = [vector(engine), vector(engine)].map((moment) => moment.subarray(0, parameters))
        const trained = state.subarray(0, parameters)
        const { loss: before } = await gradientAt(engine, state)
        for (let step = 1; step <= STEPS; step++) {
          const { into } = await gradientAt(engine, state)
          const gradient = into.subarray(0, parameters)
          const outputs = { out: trained, outState: moments, step, learningRate: ADAM.learningRate }
          optimiserStep(kernels, ADAM, { parameters: trained, gradient, state: moments, ...outputs })
          state.set(into.subarray(parameters), parameters)
          free(into)
        }
        const { loss } = await gradientAt(engine, state)
        assert.ok(loss < LEARNT * before, `the loss went from ${before} to ${loss}, expected below ${LEARNT * before}`)
      }
    },
    {
      name: 'keeps no tensor from call to call',
      async prove() {
        const engine = await shared()
        const state = await initial(engine)
        await gradientAt(engine, state)
        await engine.evaluate({ state })
        const [before] = await engine.tensors()
        for (let i = 0; i < 3; i++) await gradientAt(engine, state)
        await engine.evaluate({ state })
        const [after] = await engine.tensors()
        assert.equal(after, before, `${after} tensors are alive after 3 gradients and an evaluation, ${before} before`)
      }
    }
  ]
  return laws.map(({ prove, ...law }) => ({
    ...law,
    async prove() {
      try {
        await prove()
      } finally {
        for (const made of lent) free(made)
      }
    }
  }))
}

function assertFinite(vector: Vector, what: string): void {
  const at = vector.findIndex((value) => !Number.isFinite(value))
  assert.ok(at < 0, `${what} holds ${vector[at]} at ${at}`)
}
