import type { Engine, GradientStore, RoundContext } from '@peergrad/core'
import { SharedStates } from './shared-states.js'

/** Gradients into the own store, at the model state under `state` unless another one is named. */
export function gradients(
  { engine, store }: { readonly engine: Engine; readonly store: GradientStore },
  state: string,
  { signal, measure }: Pick<RoundContext, 'signal' | 'measure'>
): RoundContext['gradient'] {
  const states = new SharedStates(store)
  return (minibatch, key, at = state) =>
    states.use(at, async (lease) => {
      const from = await measure('store', () => lease)
      const into = store.lease(from.vector.length)
      try {
        const { loss, samples } = await measure('compute', () =>
          engine.gradient({ state: from.vector, minibatch, into: into.vector, signal })
        )
        await measure('store', () => store.put(key, into))
        return { loss, samples }
      } catch (error) {
        into.release()
        throw error
      }
    })
}
