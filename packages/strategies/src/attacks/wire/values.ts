import { replace, type CraftInput, type Disguise, type GradientStore, type WireAttack } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../../plugin-options.js'
import { crafting } from '../disguise/crafting.js'

const REFUSED = 'the vector is refused before any rule sees it, its owner is left out of the round and the others go on'

/** One NaN among numbers. */
export function nan(options: PluginOptions): WireAttack {
  checkNames('nan', options, [])
  return unchecked('nan', 'gives its gradient with one NaN in it', ({ own, out }) => {
    out.set(own)
    out[out.length >> 1] = NaN
  })
}

/** Nothing but infinities, as ByzFL's Inf. */
export function infinity(options: PluginOptions): WireAttack {
  checkNames('infinity', options, [])
  return unchecked('infinity', 'gives a vector of infinities (Inf of ByzFL)', ({ out }) => void out.fill(Infinity))
}

/**
 * Numbers so large that a sum of some overflows.
 *
 * @param options value: 1e38 unless given
 */
export function huge(options: PluginOptions): WireAttack {
  checkNames('huge', options, ['value'])
  const value = numberOption('huge', options, 'value', { fallback: 1e38, min: -3.4e38, max: 3.4e38 })
  return {
    name: 'huge',
    describe: 'gives a vector of finite numbers that nobody can add up: value (1e38)',
    holds: 'a robust rule with f declared bears it; no parameter ever becomes infinite, whatever the rule',
    level: 'payload',
    knows: [],
    arm: (context) => crafting({ knows: [], craft: ({ out }) => void out.fill(value) }, context)
  }
}

/**
 * A store that lets out what is not finite. Where its own peer would merge that, as a coordinator does whom nobody follows, there
 * are zeros in its place.
 */
function blind(store: GradientStore): GradientStore {
  const finite = async (key: string): Promise<string> => {
    if ((await store.verify(key)).firstNonFinite < 0) return key
    const zeros = store.lease(await store.length(key))
    zeros.vector.fill(0)
    await store.put(`${key}:zeros`, zeros)
    return `${key}:zeros`
  }
  return replace(store, {
    verify: async (key) => ({ ...(await store.verify(key)), firstNonFinite: -1 }),
    aggregate: async (request) => store.aggregate({ ...request, from: await Promise.all(request.from.map(finite)) })
  })
}

/** What the own store would not let out. */
function unchecked(name: string, describe: string, craft: (input: CraftInput) => void): WireAttack {
  return {
    name,
    describe,
    holds: REFUSED,
    level: 'payload',
    knows: ['own'],
    arm(context): Disguise {
      const disguise = crafting({ knows: ['own'], craft }, context)
      return { ...disguise, store: (honest) => blind(disguise.store(honest)) }
    }
  }
}
