import { createHash } from 'node:crypto'
import { Arena, virtualClock, type GradientStore } from '@peergrad/core'
import { SharedMemory, spawnInline } from '@peergrad/store'
import { beforeEach, describe, expect, it } from 'vitest'
import { put, read } from '../../../test/compliance/store-support.js'
import { Results } from '../src/shared/results.js'

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const RULES = new URL('./fixtures/counting-rule.mjs', import.meta.url).href

describe('stores of many peers in one memory', () => {
  let arena: Arena
  let memory: SharedMemory
  let a: GradientStore
  let b: GradientStore

  beforeEach(() => {
    arena = Arena.create({ bytes: 1 << 20 })
    memory = new SharedMemory({ arena }, spawnInline(sha256))
    ;[a, b] = [memory.open(virtualClock()), memory.open(virtualClock())]
  })

  /** As a network in memory does: what `from` offers under a key, `to` fetches into a lease and keeps. */
  async function hand(from: GradientStore, to: GradientStore, key: string, as = key): Promise<void> {
    const offered = await from.get(key)
    const lease = to.lease(offered.vector.length)
    memory.deliver(offered.vector, lease.vector)
    await to.put(as, lease)
    offered.release()
  }

  const average = (store: GradientStore, from: string[], to: string) =>
    store.aggregate({
      from,
      to,
      rule: { module: RULES, export: 'counting', options: {} },
      samples: from.map(() => 1),
      parameters: 3,
      seed: 1
    })

  it('have each their own keys', async () => {
    await put(a, 'x', [1, 2, 3])
    expect(await b.has('x')).toBe(false)
    await put(b, 'x', [4, 5, 6])
    expect([...(await read(a, 'x')), ...(await read(b, 'x'))]).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('hand a vector on without copying it, and keep it for as long as anybody has it', async () => {
    await put(a, 'x', [1, 2, 3])
    await hand(a, b, 'x', 'y')
    const [here, there] = [await a.get('x'), await b.get('y')]
    expect(there.vector.byteOffset).toBe(here.vector.byteOffset)
    here.release()
    there.release()
    await a.delete(['x'])
    expect([...(await read(b, 'y'))]).toEqual([1, 2, 3])
    expect(await b.verify('y')).toMatchObject({ firstNonFinite: -1 })
  })

  it('copy a vector that no store holds', async () => {
    const foreign = new Float32Array(new SharedArrayBuffer(12))
    foreign.set([7, 8, 9])
    const lease = b.lease(3)
    memory.deliver(foreign, lease.vector)
    await b.put('x', lease)
    expect([...(await read(b, 'x'))]).toEqual([7, 8, 9])
  })

  it('work once on equal inputs, wherever they came from, and again on others', async () => {
    const calls = () => (globalThis as { countedCalls?: number }).countedCalls ?? 0
    const before = calls()
    for (const store of [a, b]) {
      await put(store, 'x', [1, 2, 3])
      await put(store, 'y', [3, 4, 5])
    }
    await Promise.all([average(a, ['x', 'y'], 'mean'), average(b, ['x', 'y'], 'mean')])
    expect([...(await read(a, 'mean')), ...(await read(b, 'mean'))]).toEqual([2, 3, 4, 2, 3, 4])
    expect(calls() - before).toBe(1)
    await average(b, ['y', 'x'], 'other')
    expect(calls() - before).toBe(2)
  })

  it('keep a result though an older one of the same fails later', async () => {
    const results = new Results(() => {})
    let fail: (error: Error) => void = () => {}
    const older = results.once('step', () => new Promise((_, reject) => (fail = reject)))
    results.clear()
    const newer = results.once('step', async () => [])
    fail(new Error('late'))
    await expect(older).rejects.toThrow('late')
    expect(results.once('step', async () => [])).toBe(newer)
  })

  it('step equal models once, with equal digests', async () => {
    const optimiser = { name: 'momentum', learningRate: 0.5 } as const
    for (const store of [a, b]) {
      await put(store, 'state', [1, 1, 1])
      await put(store, 'gradient', [2, 2, 2])
      const request = { from: 'state', to: 'next', gradient: 'gradient', optimiser, parameters: 3 }
      await store.applyUpdate({ ...request, step: 1, learningRate: 0.5 })
    }
    const [first, second] = [await a.get('next'), await b.get('next')]
    expect([...first.vector]).toEqual([0, 0, 0])
    expect(second.vector.byteOffset).toBe(first.vector.byteOffset)
    expect(await a.digest('next')).toBe(await b.digest('next'))
    for (const lease of [first, second]) lease.release()
  })

  it('give all memory back when they are closed and the run is over, what was never released too', async () => {
    await put(a, 'x', [1, 2, 3])
    await hand(a, b, 'x')
    await average(a, ['x'], 'mean')
    // fetched and never kept
    const lease = b.lease(3)
    const offered = await a.get('x')
    memory.deliver(offered.vector, lease.vector)
    offered.release()
    lease.release()
    await a.close()
    expect([...(await read(b, 'x'))]).toEqual([1, 2, 3])
    const left = await b.get('x')
    await b.close()
    memory.clear()
    expect(arena.bytesInUse).toBe(0)
    left.release()
    await new Promise((resolve) => setImmediate(resolve))
    expect(arena.bytesInUse).toBe(0)
  })

  it('take no harm of a packed vector that is released when the run is over', async () => {
    await put(a, 'x', [0, 0, 0, 0, 0, 0, 0, 5])
    await a.pack({ from: 'x', sparse: 8, to: 'packed' })
    const left = await a.get('packed')
    await a.close()
    await b.close()
    memory.clear()
    expect(arena.bytesInUse).toBe(0)
    const next = memory.open(virtualClock())
    const taken = next.lease(left.vector.length)
    left.release()
    expect(next.lease(left.vector.length).vector.byteOffset).not.toBe(taken.vector.byteOffset)
  })
})
