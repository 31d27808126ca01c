import { PeergradError } from '@peergrad/core'
import { describe, expect, it, vi } from 'vitest'
import { WireReader } from '../dist/network/wire-reader.js'
import type { Wire } from '../dist/network/wire.js'

/** Counts who waits for it. */
class Watched extends Promise<PeergradError> {
  static override get [Symbol.species]() {
    return Promise
  }
  waiting = 0

  override then<A = PeergradError, B = never>(
    onResolved?: ((reason: PeergradError) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    this.waiting++
    return super.then(onResolved, onRejected)
  }
}

function wireOf() {
  let snap!: (reason: PeergradError) => void
  const broken = new Watched((resolve) => (snap = resolve))
  let deliver!: (chunk: Uint8Array) => void
  const wire: Wire = {
    peer: 'other',
    lane: 'fast',
    broken,
    send: () => true,
    drained: () => Promise.resolve(),
    receive: (sink) => (deliver = sink),
    close: () => undefined,
    abort: () => undefined
  }
  const reader = new WireReader(wire)
  return { reader, broken, snap, deliver: (...bytes: number[]) => deliver(Uint8Array.from(bytes)) }
}

const lost = new PeergradError('unreachable', 'the wire broke')

describe('wire reader', () => {
  it('reads exact numbers of bytes, whatever the chunks', async () => {
    const { reader, deliver } = wireOf()
    deliver(1)
    const first = reader.read(3)
    deliver(2)
    deliver(3, 4, 5)
    expect([...(await first)]).toEqual([1, 2, 3])
    expect([...(await reader.read(2))]).toEqual([4, 5])
    expect(reader.unread).toBe(0)
  })

  it.each([true, false])(
    'copies no more for single bytes than twice what came, asked for (%s) or not',
    async (asked) => {
      const { reader, deliver } = wireOf()
      const bytes = Uint8Array.from({ length: 4096 }, (_, i) => i)
      const read = asked ? reader.read(4096) : undefined
      const sets = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array, 'set')
      const joins = vi.spyOn(Buffer, 'concat')
      for (const byte of bytes) deliver(byte)
      const copied = [...sets.mock.calls, ...joins.mock.calls.flatMap(([chunks]) => chunks.map((chunk) => [chunk]))]
      vi.restoreAllMocks()
      expect(copied.reduce((sum, [{ length }]) => sum + length, 0)).toBeLessThanOrEqual(2 * 4096)
      expect(await (read ?? reader.read(4096))).toEqual(bytes)
    }
  )

  it('leaves what was read as it was when more comes', async () => {
    const { reader, deliver } = wireOf()
    deliver(1, 2, 3)
    deliver(4)
    const read = await reader.read(2)
    for (let i = 0; i < 10; i++) deliver(9)
    expect([...read]).toEqual([1, 2])
    expect([...(await reader.read(3))]).toEqual([3, 4, 9])
  })

  it('lets chunks flow until one is too long, and keeps the rest', async () => {
    const { reader, deliver } = wireOf()
    const seen: number[] = []
    deliver(1)
    const flow = reader.flow((chunk) => {
      const need = 4 - seen.length
      seen.push(...chunk.subarray(0, need))
      return seen.length < 4 ? undefined : chunk.subarray(need)
    })
    deliver(2, 3)
    deliver(4, 5)
    await flow
    expect(seen).toEqual([1, 2, 3, 4])
    expect([...(await reader.read(1))]).toEqual([5])
  })

  it('rejects with why the wire broke whoever reads then or later, but gives what had come', async () => {
    const { reader, deliver, snap } = wireOf()
    const read = reader.read(2)
    snap(lost)
    await expect(read).rejects.toBe(lost)
    expect(reader.ended).toBe(true)
    await expect(reader.flow(() => undefined)).rejects.toBe(lost)
    deliver(7, 8, 9)
    expect([...(await reader.read(2))]).toEqual([7, 8])
    await expect(reader.read(2)).rejects.toBe(lost)
  })

  it('holds nothing of what was read before, however long the wire lives', async () => {
    const { reader, broken, deliver } = wireOf()
    for (let i = 0; i < 100; i++) {
      deliver(i)
      await reader.read(1)
      const flow = reader.flow((chunk) => chunk)
      deliver(i)
      await flow
      await reader.read(1)
    }
    expect(broken.waiting).toBe(1)
  })
})
