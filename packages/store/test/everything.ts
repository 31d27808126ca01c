import type { GradientStore } from '@peergrad/core'
import { noise, put, read } from '../../../test/compliance/store-support.js'

const RULE = {
  module: new URL('./fixtures/rules.mjs', import.meta.url).href,
  export: 'inStoreMedian',
  options: {}
}
const FILTER = {
  module: new URL('../../../test/compliance/fixtures/filters.mjs', import.meta.url).href,
  export: 'significant',
  options: { of: 'parameter', threshold: 1 }
}
const LENGTH = 1000
/** More than goes in one message. */
const LONG = (1 << 18) + 1

/** All that a store does, at least once, and what came of it: the same of every driver. */
export async function everything(store: GradientStore): Promise<unknown> {
  for (const [k, key] of ['w', 'g0', 'g1'].entries()) await put(store, key, noise(LENGTH, k + 1))
  await put(store, 'long', new Float32Array(LONG).fill(7))
  await store.average(['g0', 'g1'], 'mean')
  await store.average(['g0', 'g1'], 'mean')
  const step = { parameters: LENGTH, step: 1, learningRate: 0.5 }
  await store.aggregate({ from: ['g0', 'g1'], to: 'median', rule: RULE, samples: [1, 1], parameters: LENGTH, seed: 1 })
  const optimiser = { name: 'momentum', learningRate: 1, momentum: 0.5 } as const
  await store.applyUpdate({ from: 'w', to: 'next', gradient: 'mean', optimiser, ...step })
  await store.filter({ from: 'g1', state: 'w', to: 'sent', rest: 'rest', filter: FILTER, seed: 1, ...step })
  await store.unpack({ from: 'sent', sparse: LENGTH, length: LENGTH, to: 'whole' })
  await store.pack({ from: 'whole', sparse: LENGTH, to: 'again' })
  await store.slice({ from: 'w', offset: 1, length: 2, to: 'part' })
  await store.join({ from: ['part', 'rest'], to: 'joined' })
  const verdict = await store.verify('next')
  const digests: Record<string, string> = {}
  for (const key of await store.keys('')) digests[key] = await store.digest(key)
  return { verdict, digests, long: new Set(await read(store, 'long')), next: [...(await read(store, 'next'))] }
}
