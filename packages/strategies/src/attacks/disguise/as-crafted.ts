import { replace, type GradientStore } from '@peergrad/core'

/**
 * The worker momentum of the honest half has no part in what was crafted: momenta are what honest peers give, and a hostile
 * one gives its vector in the place of its own.
 */
export class AsCrafted {
  readonly #keys = new Set<string>()

  /** The vector that is given in this round. */
  give(key: string): void {
    this.#keys.clear()
    this.#keys.add(key)
  }

  /** Where a crafted vector, or its trainable part, would be combined with what came before, it is put alone. */
  store(honest: GradientStore): GradientStore {
    return replace(honest, {
      slice: async (request) => {
        await honest.slice(request)
        if (this.#keys.has(request.from)) this.#keys.add(request.to)
      },
      combine: async (request) => {
        const crafted = request.terms.find(({ key }) => this.#keys.has(key))
        if (crafted === undefined) return honest.combine(request)
        await honest.put(request.to, await honest.get(crafted.key))
      }
    })
  }
}
