import type { GradientStore } from '@peergrad/core'
import { replace } from './replace.js'
import type { Disguise } from './swarm.js'

/** Its fifth step goes too far, once. */
export function spoilsOnce(): Disguise {
  let spoiled = false
  return {
    store: (honest: GradientStore) =>
      replace(honest, {
        applyUpdate: async (request) => {
          const spoil = request.step === 5 && !spoiled
          spoiled ||= spoil
          return honest.applyUpdate(spoil ? { ...request, learningRate: 2 * request.learningRate } : request)
        }
      })
  }
}
