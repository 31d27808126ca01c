import { PeergradError, random, type Clock, type Engine, type Vector } from '@peergrad/core'

/**
 * An engine that needs no tfjs: the loss is ½‖Θ − t‖² around one target, with noise from each minibatch's seed, so a
 * run converges and the same minibatch gives the same bits. A gradient takes `milliseconds` of the clock.
 */
export function quadraticEngine({
  clock,
  length = 1500,
  milliseconds = 20
}: {
  clock: Clock
  length?: number
  milliseconds?: number
}): Engine {
  const target = Float64Array.from({ length }, (_, index) => Math.sin(index))
  const work = (signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.after(milliseconds, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(PeergradError.from(signal.reason))
      })
    })
  return {
    name: 'quadratic',
    describe: 'simulated: a quadratic bowl',
    workers: 1,
    layout: {
      slots: [
        { name: 'weights', shape: [length - 4], offset: 0, length: length - 4 },
        { name: 'moving', shape: [4], offset: length - 4, length: 4 }
      ],
      parameters: length - 4,
      buffers: 4
    },
    async gradient({ state, minibatch, into, signal }) {
      await work(signal)
      const noise = random(minibatch.seed)
      for (let i = 0; i < length - 4; i++) into[i] = state[i] - target[i] + 0.1 * noise.normal()
      for (let i = length - 4; i < length; i++) into[i] = minibatch.samples[0]
      return { loss: loss(state), samples: minibatch.samples.length, milliseconds }
    },
    async evaluate({ state, samples }) {
      return { loss: loss(state), accuracy: 1 / (1 + loss(state)), samples: samples?.length ?? 100 }
    },
    async initialise(seed, into) {
      const stream = random(seed, 'initialise')
      for (let i = 0; i < length; i++) into[i] = stream.normal()
    },
    async close() {}
  }

  function loss(state: Vector): number {
    let sum = 0
    for (let i = 0; i < length - 4; i++) sum += (state[i] - target[i]) ** 2
    return sum / (2 * length)
  }
}
