import { Arena, type Engine, type GradientStore, type Minibatch, type RoundContext } from '@peergrad/core'
import { memoryStore } from '@peergrad/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gradients } from '../src/runtime/gradients.js'

const LENGTH = 3
const MINIBATCH: Minibatch = { samples: Uint32Array.of(0), seed: 1 }
const now: RoundContext['measure'] = (_phase, work) => work()

describe('gradients of a round', () => {
  let store: GradientStore
  let loads: string[]
  /** The store as one on a server is: each `get` is a copy of its own. */
  let counted: GradientStore
  beforeEach(async () => {
    store = await memoryStore({ arena: Arena.create({ bytes: 1 << 20 }) })
    for (const key of ['state', 'other']) {
      const lease = store.lease(LENGTH)
      lease.vector.fill(key === 'state' ? 1 : 2)
      await store.put(key, lease)
    }
    loads = []
    const get = (key: string) => {
      loads.push(key)
      return store.get(key)
    }
    const own: Partial<GradientStore> = {
      get,
      lease: (length) => store.lease(length),
      put: (...args) => store.put(...args)
    }
    counted = own as GradientStore
  })
  afterEach(() => store.close())

  /** Doubles the state; fails for a minibatch of seed 0. */
  const engine = {
    async gradient({ state, into, minibatch }) {
      await Promise.resolve()
      if (minibatch.seed === 0) throw new Error('on purpose')
      into.set(state.map((value) => 2 * value))
      return { loss: 1, samples: 1, milliseconds: 0 }
    }
  } as Partial<Engine> as Engine

  const started = () =>
    gradients({ engine, store: counted }, 'state', { signal: new AbortController().signal, measure: now })

  async function values(key: string): Promise<number[]> {
    const lease = await store.get(key)
    const all = [...lease.vector]
    lease.release()
    return all
  }

  it('that are taken at once take the state from the database once', async () => {
    const gradient = started()
    const keys = Array.from({ length: 8 }, (_, k) => `g:${k}`)
    await Promise.all([...keys.map((key) => gradient(MINIBATCH, key)), gradient(MINIBATCH, 'elsewhere', 'other')])
    expect(loads).toEqual(['state', 'other'])
    for (const key of keys) expect(await values(key)).toEqual([2, 2, 2])
    expect(await values('elsewhere')).toEqual([4, 4, 4])
  })

  it('give the state back when the last is done, whether it came to an end or not', async () => {
    const { bytes } = await store.usage()
    const gradient = started()
    const failing = [gradient({ ...MINIBATCH, seed: 0 }, 'a'), gradient(MINIBATCH, 'b')]
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    await expect(gradient(MINIBATCH, 'c', 'gone')).rejects.toMatchObject({ code: 'missing' })
    await gradient(MINIBATCH, 'd')
    expect(loads).toEqual(['state', 'gone', 'state'])
    await store.delete(['state', 'b', 'd'])
    expect((await store.usage()).bytes).toBe(bytes - 4 * LENGTH)
  })
})
