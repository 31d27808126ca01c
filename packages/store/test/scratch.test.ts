import { once } from 'node:events'
import { Arena, resolvePlugin } from '@peergrad/core'
import { MemoryStore, serve, type Answer, type Boot, type Spawn } from '@peergrad/store'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { spawnThread } from '../dist/compute/node.js'

/** What an owner says of scratch. */
const [GIVEN, REFUSED] = [1, 2]

/** Wakes the worker, once it sleeps. */
function wake(boot: Boot): void {
  const states = new Int32Array(boot.control)
  const end = performance.now() + 5000
  while (Atomics.notify(states, 0) === 0) {
    if (performance.now() > end) throw new Error('the worker does not wait for what it asked for')
  }
}

/**
 * A worker thread that is woken before each vector that it asks for is given: by the late notice of the one before, when
 * its owner's thread was held up. It must be asleep again when the vector comes.
 */
const wokenTooEarly: Spawn = (boot, on) =>
  spawnThread(boot, {
    ...on,
    answer(answer) {
      if (answer.type === 'scratch') for (let time = 0; time < 2; time++) wake(boot)
      on.answer(answer)
    }
  })

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

it('a plug-in that asks for scratch when its call is over is told so, and its worker does not wait', async () => {
  const arena = Arena.create({ bytes: 1 << 20 })
  const [from, to] = [arena.allocate(2).fill(1), arena.allocate(2)]
  const posted: Answer['type'][] = []
  const boot = { memory: arena.memory, control: new SharedArrayBuffer(8) }
  const answer = serve(boot, {
    post({ type }) {
      posted.push(type)
      if (type === 'scratch') Atomics.store(new Int32Array(boot.control), 0, REFUSED)
    },
    sha256: () => ''
  })
  const module = new URL('./fixtures/rules.mjs', import.meta.url).href
  const late = once(process, 'asked-late')
  const request = {
    from: [{ key: 'x', vector: arena.handle(from), finite: true }],
    to: arena.handle(to),
    rule: { module, export: 'asksLate', options: { event: 'asked-late' } },
    pre: [],
    samples: [1],
    parameters: 2,
    seed: 1,
    trials: undefined
  }
  await answer({ id: 7, name: 'aggregate', request })
  expect(await late).toMatchObject([
    { code: 'argument', message: 'store: got a request for scratch of aggregate, which is over' }
  ])
  expect(posted).toEqual(['result'])
})

it('an owner refuses scratch for a call that is over, and nobody waits for it', async () => {
  const arena = Arena.create({ bytes: 1 << 20 })
  const states: number[] = []
  const spawn: Spawn = (boot, on) => ({
    post({ id }) {
      for (const asked of [id - 1, id]) {
        on.answer({ type: 'scratch', id: asked, length: 4 })
        states.push(Atomics.load(new Int32Array(boot.control), 0))
      }
      on.answer({ type: 'result', id, result: undefined, made: [] })
      on.answer({ type: 'scratch', id, length: 4 })
      states.push(Atomics.load(new Int32Array(boot.control), 0))
    },
    terminate: async () => {}
  })
  const store = new MemoryStore({ arena }, spawn)
  await store.put('x', store.lease(2))
  await store.average(['x'], 'y')
  expect(states).toEqual([REFUSED, GIVEN, REFUSED])
  await store.close()
  expect(arena.bytesInUse).toBe(0)
})
