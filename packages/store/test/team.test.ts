import { Arena, createKernels, loadPlugin, random, resolvePlugin, type Kernels } from '@peergrad/core'
import { memoryStore, nodeTeam } from '@peergrad/store'
import { aggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'

const LENGTH = 300_001
const arena = Arena.create({ bytes: 32 << 20 })
const inputs = Array.from({ length: 7 }, (_, k) => {
  const noise = random(k, 'team')
  const block = Float32Array.from({ length: 4099 }, () => noise.normal())
  const vector = arena.allocate(LENGTH)
  for (let i = 0; i < LENGTH; i += block.length) vector.set(block.subarray(0, LENGTH - i), i)
  return vector
})
const out = arena.allocate(LENGTH)
const alone = createKernels({ memory: arena.memory })

it('helpers do pieces: the numbers of theirs come out though the caller does none', () => {
  const team = nodeTeam(arena.memory, 2)!
  const handles = inputs.map(({ byteOffset, length }) => ({ byteOffset, length }))
  const call = { name: 'squaredNorms', outs: [], inputs: handles, rest: [], pieces: 7, size: 1 }
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const mine: number[] = []
  const numbers = team.run(call, { pieces: 7, numbers: 7 }, (_, piece, all) => {
    mine.push(piece)
    while (all.filter((norm) => norm > 0).length < 6) Atomics.wait(pause, 0, 0, 1)
  })!
  expect(mine).toEqual([0])
  expect([...numbers.subarray(1)]).toEqual([...alone.squaredNorms(inputs).subarray(1)])
})

it('call after call has the bits of one thread, whatever the threads are at', () => {
  const calls: ((kernels: Kernels) => Float64Array | Float32Array)[] = [
    (kernels) => (kernels.median(out, inputs), out.slice()),
    (kernels) => kernels.pairDistances(inputs),
    (kernels) => (kernels.average([out], inputs, [[1, 2, 0, 1, 1, 0.5, 3]]), out.slice()),
    (kernels) => kernels.squaredDistances(inputs[2]!, inputs)
  ]
  const expected = calls.map((call) => call(alone))
  const teams = [2, 4].map((size) => createKernels({ memory: arena.memory, team: nodeTeam(arena.memory, size) }))
  for (let time = 0; time < 8; time++) {
    for (const kernels of teams) {
      for (const [i, call] of calls.entries())
        expect(Buffer.from(bytesOf(call(kernels))).equals(bytesOf(expected[i]!))).toBe(true)
    }
  }
})

it('a store divides large calls, and ends with its threads', async () => {
  const store = await memoryStore({ arena: Arena.create({ bytes: 32 << 20 }) })
  const from = inputs.map((_, k) => `x:${k}`)
  for (const [k, key] of from.entries()) {
    const lease = store.lease(LENGTH)
    lease.vector.set(inputs[k]!)
    await store.put(key, lease)
  }
  const rule = resolvePlugin(aggregators, 'multi-krum:f=2')
  await store.aggregate({ from, to: 'out', rule, samples: from.map(() => 1), parameters: LENGTH, seed: 1 })
  const { aggregate } = await loadPlugin('aggregator', rule)
  const scratch = () => expect.fail('no scratch is needed')
  aggregate({ vectors: inputs, samples: [], out, kernels: alone, random: random(1), scratch })
  const lease = await store.get('out')
  expect(Buffer.from(bytesOf(lease.vector)).equals(bytesOf(out))).toBe(true)
  lease.release()
  await store.close()
})

it('one processor has no team', () => {
  expect(nodeTeam(arena.memory, 1)).toBeUndefined()
})

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength).slice()
}
