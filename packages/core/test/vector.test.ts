import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Arena, createKernels, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const code = (expected: string) => expect.objectContaining({ name: 'PeergradError', code: expected })
const arena = (bytes = 1 << 20) => Arena.create({ bytes })

describe('Arena', () => {
  it('gives vectors on 64-byte boundaries that do not overlap, and counts them', () => {
    const a = arena()
    const vectors = [1, 16, 17, 0, 1000].map((length) => a.allocate(length))
    for (const vector of vectors) expect(vector.byteOffset % 64).toBe(0)
    vectors.forEach((vector, i) => vector.fill(i))
    vectors.forEach((vector, i) => expect(vector.every((value) => value === i)).toBe(true))
    expect(a.bytesInUse).toBe(64 + 64 + 128 + 64 + 4032)
    expect(a.byteLimit).toBe(1 << 20)
    for (const vector of vectors) a.free(vector)
    expect(a.bytesInUse).toBe(0)
  })

  it('recycles by size before it touches fresh pages', () => {
    const a = arena()
    const [small, , large] = [a.allocate(16), a.allocate(16), a.allocate(1024), a.allocate(16)]
    a.free(small)
    a.free(large)
    expect(a.allocate(1024).byteOffset).toBe(large.byteOffset)
    expect(a.allocate(16).byteOffset).toBe(small.byteOffset)
  })

  it('takes the smallest piece that holds what is asked for, and leaves its rest', () => {
    const a = arena()
    const pieces = [160, 64, 96].map((length) => {
      const piece = a.allocate(length)
      a.allocate(1)
      return piece
    })
    for (const piece of pieces) a.free(piece)
    const fits = a.allocate(80)
    expect(fits.byteOffset).toBe(pieces[2].byteOffset)
    expect(a.allocate(16).byteOffset).toBe(pieces[2].byteOffset + 80 * 4)
    expect(a.allocate(160).byteOffset).toBe(pieces[0].byteOffset)
  })

  it('joins freed neighbours, whatever the order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const a = arena(1 << 16)
        const vectors = order.map(() => a.allocate(a.byteLimit / 32))
        expect(() => a.allocate(1)).toThrow(code('full'))
        for (const i of order) a.free(vectors[i])
        expect(a.allocate(a.byteLimit / 4).length).toBe(a.byteLimit / 4)
      })
    )
  })

  it('holds to its model through any sequence of allocate and free', () => {
    const command = fc.record({ length: fc.nat({ max: 3000 }), drop: fc.nat(), keep: fc.boolean() })
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const a = arena(1 << 16)
        const live: Vector[] = []
        for (const { length, drop, keep } of commands) {
          if (!keep && live.length > 0) a.free(live.splice(drop % live.length, 1)[0])
          const need = Math.max(64, Math.ceil(length / 16) * 64)
          try {
            live.push(a.allocate(length))
          } catch (error) {
            expect(error).toEqual(code('full'))
            const gap = largestGap(a, live)
            expect(gap).toBeLessThan(need)
          }
          expect(a.bytesInUse).toBe(live.reduce((sum, v) => sum + Math.max(64, Math.ceil(v.length / 16) * 64), 0))
          const sorted = [...live].sort((x, y) => x.byteOffset - y.byteOffset)
          sorted
            .slice(1)
            .forEach((v, i) => expect(v.byteOffset).toBeGreaterThanOrEqual(sorted[i].byteOffset + sorted[i].byteLength))
        }
      })
    )
  })

  it('says the sums when it is full, and loses nothing', () => {
    const a = arena(1 << 16)
    const vector = a.allocate(1000)
    expect(() => a.allocate(1 << 20)).toThrow(/4194304 bytes asked for, 4032 of 65536 in use, 61504 are free/)
    expect(a.bytesInUse).toBe(4032)
    a.free(vector)
  })

  it('refuses what is no whole vector of its own', () => {
    const a = arena()
    const vector = a.allocate(100)
    expect(() => a.free(vector.subarray(0, 50))).toThrow(code('argument'))
    expect(() => a.free(vector.subarray(16))).toThrow(code('argument'))
    expect(() => a.free(arena().allocate(100))).toThrow(code('argument'))
    expect(() => a.handle(new Float32Array(new SharedArrayBuffer(4)))).toThrow(code('argument'))
    a.free(vector)
    expect(() => a.free(vector)).toThrow(code('argument'))
    for (const length of [-1, 0.5, NaN, Infinity]) expect(() => a.allocate(length)).toThrow(code('argument'))
    for (const bytes of [0, -1, 0.5, NaN, 2 ** 32]) expect(() => Arena.create({ bytes })).toThrow(code('argument'))
  })

  it('takes handles back and forth, of parts too, and refuses those outside', () => {
    const a = arena()
    const vector = a.allocate(100)
    vector.set(Array.from({ length: 100 }, (_, i) => i))
    const part = a.view(a.handle(vector.subarray(10, 20)))
    expect([...part]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    expect(a.bytes(a.handle(part))).toEqual(new Uint8Array(part.slice().buffer))
    const end = a.memory.buffer.byteLength
    const bad = [
      [0, 1],
      [vector.byteOffset + 2, 1],
      [end - 4, 2],
      [end, 1],
      [vector.byteOffset, -1],
      [vector.byteOffset, 2 ** 40],
      [NaN, 1],
      [vector.byteOffset, 0.5]
    ]
    for (const [byteOffset, length] of bad) expect(() => a.view({ byteOffset, length })).toThrow(code('argument'))
    expect(() => a.bytes({ byteOffset: end - 4, length: 2 })).toThrow(code('argument'))
  })

  it('spans 4 GiB of address space, and the kernels reach its end', () => {
    const a = Arena.create({ bytes: 2 ** 32 - 2 ** 20 })
    expect(a.memory.buffer.byteLength).toBe(2 ** 32)
    const whole = a.allocateBytes(a.byteLimit)
    const last = new Float32Array(whole.buffer, 2 ** 32 - 400, 100)
    const k = createKernels({ memory: a.memory })
    k.fill(last, 2)
    expect(k.squaredNorm(last)).toBe(400)
  })
})

describe('threads', () => {
  const source = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { Arena, createKernels } from '@peergrad/core'
    const arena = Arena.attach(workerData.memory)
    const kernels = createKernels({ memory: arena.memory })
    parentPort.on('message', ({ out, inputs }) => {
      for (let i = 0; i < 50; i++) kernels.median(arena.view(out), inputs.map((handle) => arena.view(handle)))
      let refused
      try { arena.allocate(1) } catch (error) { refused = error.code }
      parentPort.postMessage({ path: kernels.path, refused })
    })`

  it('several work on one memory at once, in place, and only the owner allocates', async () => {
    const a = Arena.create({ bytes: 4 << 20 })
    const url = new URL(`data:text/javascript,${encodeURIComponent(resolved(source))}`)
    const jobs = [3, 6, 17].map(async (n) => {
      const inputs = Array.from({ length: n }, (_, k) => {
        const vector = a.allocate(2000)
        vector.forEach((_, i) => (vector[i] = Math.sin(i * n + k * 7)))
        return vector
      })
      const [out, expected] = [a.allocate(2000), a.allocate(2000)]
      createKernels().median(expected, inputs)
      const worker = new Worker(url, { workerData: { memory: a.memory } })
      worker.postMessage({ out: a.handle(out), inputs: inputs.map((vector) => a.handle(vector)) })
      const [answer] = (await once(worker, 'message')) as [unknown]
      expect(answer).toEqual({ path: 'simd', refused: 'unsupported' })
      expect([...out]).toEqual([...expected])
      await worker.terminate()
    })
    await Promise.all(jobs)
  })
})

/** A data: module resolves no bare names. */
function resolved(text: string): string {
  return text.replace('@peergrad/core', import.meta.resolve('@peergrad/core'))
}

function largestGap(a: Arena, live: readonly Vector[]): number {
  const start = a.memory.buffer.byteLength - a.byteLimit
  const sorted = [...live].sort((x, y) => x.byteOffset - y.byteOffset)
  let [gap, end] = [0, start]
  for (const vector of sorted) {
    gap = Math.max(gap, vector.byteOffset - end)
    end = vector.byteOffset + Math.max(64, Math.ceil(vector.length / 16) * 64)
  }
  return Math.max(gap, a.memory.buffer.byteLength - end)
}
