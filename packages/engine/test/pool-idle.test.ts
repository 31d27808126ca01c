import { PeergradError } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool } from '../src/pool/pool.js'
import { Slot } from '../src/pool/slot.js'

const JOB = { kind: 'memory' } as const

/** A worker that ends its job when it is told to, and bears no second one before. */
class FakeSlot {
  alive = true
  #end: ((outcome: { readonly tensors: number } | PeergradError) => void) | undefined

  get busy(): boolean {
    return this.#end !== undefined
  }

  async run(): Promise<unknown> {
    expect(this.busy).toBe(false)
    if (!this.alive) throw new PeergradError('crashed', 'engine: a worker ended')
    const outcome = await new Promise((resolve) => (this.#end = resolve))
    if (outcome instanceof PeergradError) throw outcome
    return outcome
  }

  end(outcome: { readonly tensors: number } | PeergradError): void {
    this.#end?.(outcome)
    this.#end = undefined
  }
}

describe('a job that every idle worker does', () => {
  let slots: FakeSlot[]
  let pool: Pool
  beforeEach(async () => {
    slots = []
    vi.spyOn(Slot, 'start').mockImplementation(async () => {
      const slot = new FakeSlot()
      slots.push(slot)
      return { slot: slot as unknown as Slot, layout: { slots: [], parameters: 0, buffers: 0 } }
    })
    pool = await Pool.start({} as Parameters<typeof Pool.start>[0], 2)
  })
  afterEach(() => void vi.restoreAllMocks())

  it('and that fails on one leaves the other to its work, and rejects when that is done', async () => {
    const [failing, working] = slots as [FakeSlot, FakeSlot]
    const all = pool.runOnIdle(JOB)
    const ended = vi.fn()
    all.then(ended, ended)
    const next = [pool.run(JOB), pool.run(JOB)]
    failing.end(new PeergradError('internal', 'no luck'))
    for (const [index, each] of next.entries()) {
      await vi.waitUntil(() => failing.busy)
      failing.end({ tensors: index })
      expect(await each).toEqual({ tensors: index })
    }
    expect(ended).not.toHaveBeenCalled()
    working.end({ tensors: 2 })
    await expect(all).rejects.toMatchObject({ code: 'internal', message: 'no luck' })
  })

  it('and that ends one has it replaced, which costs the next job nothing', async () => {
    const [dying, working] = slots as [FakeSlot, FakeSlot]
    const all = pool.runOnIdle(JOB)
    dying.alive = false
    dying.end(new PeergradError('crashed', 'engine: a worker ended'))
    working.end({ tensors: 1 })
    await expect(all).rejects.toMatchObject({ code: 'crashed' })
    expect(slots).toHaveLength(3)
  })

  it('and workers that ended while they had none are replaced, which costs no job anything', async () => {
    for (const slot of slots) slot.alive = false
    expect(await pool.runOnIdle(JOB)).toEqual([])
    await vi.waitUntil(() => slots.length === 4)
    for (const slot of slots) slot.alive = false
    const job = pool.run(JOB)
    await vi.waitUntil(() => slots.slice(4).some(({ busy }) => busy))
    slots.find(({ busy }) => busy)?.end({ tensors: 1 })
    expect(await job).toEqual({ tensors: 1 })
  })
})
