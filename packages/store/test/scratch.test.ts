import { Arena, resolvePlugin } from '@peergrad/core'
import { MemoryStore, type Spawn } from '@peergrad/store'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { spawnThread } from '../dist/compute/node.js'

/**
 * A worker thread that is woken once more before each vector that it asks for: by the notice of the one before, when
 * the owner's thread was held up between giving it and saying so.
 */
const wokenTooEarly: Spawn = (boot, on) => {
  const states = new Int32Array(boot.control)
  return spawnThread(boot, {
    ...on,
    answer(answer) {
      if (answer.type === 'scratch') while (Atomics.notify(states, 0) === 0);
      on.answer(answer)
    }
  })
}

/** Digest of what is made of three vectors, each of which takes scratch twice. */
async function made(spawn: Spawn): Promise<string> {
  const store = new MemoryStore({ arena: Arena.create({ bytes: 1 << 20 }) }, spawn)
  const from = ['a', 'b', 'c']
  for (const [k, key] of from.entries()) {
    const lease = store.lease(2)
    lease.vector.set([30, 10 * k])
    await store.put(key, lease)
  }
  const pre = ['clipping:c=2', 'nnm:f=1'].map((text) => resolvePlugin(preAggregators, text))
  const rule = resolvePlugin(aggregators, 'mean')
  await store.aggregate({ from, to: 'out', rule, pre, samples: [1, 1, 1], parameters: 2, seed: 1 })
  const digest = await store.digest('out')
  await store.close()
  return digest
}

it('a worker that is woken before its scratch is given goes on waiting for it', async () => {
  expect(await made(wokenTooEarly)).toBe(await made(spawnThread))
})
