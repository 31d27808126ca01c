/**
 * What another client of the module's server waits for a PING while a peer's store puts, gets, filters, and aggregates; and, in
 * turns with that, what a client of a server that does nothing waits meanwhile, for a processor and no more.
 */
import { Arena, resolvePlugin } from '@peergrad/core'
import { redisStore } from '@peergrad/store'
import { aggregators, filters } from '@peergrad/strategies'

const INPUTS = 4

/** The longest wait during each work, in milliseconds, over all rounds: `busy` at the module's server, `idle` at the other. */
export async function stalls({ length, rounds, module, pinger, idlePinger }) {
  const arena = Arena.create({ bytes: (INPUTS + 4) * length * 4 })
  const store = await redisStore({ url: module, run: 'stalls', peer: 'peer', arena, limit: 4e9 })
  const put = async (key, step) => {
    const lease = store.lease(length)
    for (let i = 0; i < length; i++) lease.vector[i] = Math.sin(i * step)
    await store.put(key, lease)
  }
  const from = Array.from({ length: INPUTS }, (_, k) => `g:${k}`)
  for (const [k, key] of ['model', ...from].entries()) await put(key, 0.7 + k / 10)
  const lent = () => {
    const lease = store.lease(length)
    lease.vector.fill(1)
    return lease
  }
  const works = {
    put: { prepare: lent, work: (lease) => store.put('to', lease) },
    get: { work: async () => (await store.get('model')).release() },
    filter: {
      work: () =>
        store.filter({
          ...{ from: 'g:0', state: 'model', to: 'to', rest: 'rest', filter: resolvePlugin(filters, 'significant') },
          ...{ parameters: length, step: 1, learningRate: 0.01, seed: 1 }
        })
    },
    median: {
      work: () =>
        store.aggregate({
          ...{ from, to: 'to', rule: resolvePlugin(aggregators, 'median') },
          ...{ samples: from.map(() => 1), parameters: length, seed: 1 }
        })
    }
  }
  const longest = Object.fromEntries(Object.keys(works).map((name) => [name, { busy: 0, idle: 0 }]))
  const pingers = Object.entries({ busy: pinger, idle: idlePinger })
  // the first round touches pages
  for (let round = -1; round < rounds; round++) {
    for (const [name, { prepare, work }] of Object.entries(works)) {
      for (const [which, each] of pingers) {
        const given = prepare?.()
        const stop = await each.watch()
        await work(given)
        const waited = await stop()
        await store.delete(['to', 'rest'])
        if (round >= 0) longest[name][which] = Math.max(longest[name][which], waited)
      }
    }
  }
  await store.close()
  return longest
}
