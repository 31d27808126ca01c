import { checkCodec, checkPartitioner } from '@peergrad/conformance'
import { PeergradError, type Codec, type Partitioner } from '@peergrad/core'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const AGAIN = 'gives the same bytes and values again, from another instance, whatever was in the memory before'

const raw = (vector: Float32Array<SharedArrayBuffer>) =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
const sized = (packed: Uint8Array, length: number) => {
  if (packed.length !== 4 * length) throw new PeergradError('shape', `got ${packed.length} bytes`)
}
const good: Codec = {
  name: 'good',
  describe: 'the floats as they are',
  bytes: (length) => 4 * length,
  encode(input, out) {
    sized(out, input.length)
    out.set(raw(input))
  },
  decode(input, out) {
    sized(input, out.length)
    raw(out).set(input)
  }
}

test('a good codec holds all laws', async () => {
  expect((await checkCodec(() => good)).laws.every(({ held }) => held)).toBe(true)
})

test.each<[string, Partial<Codec>, string]>([
  ['has no decode', { decode: undefined as never }, 'has the members of its kind'],
  ['does not know its size', { bytes: () => NaN }, 'says beforehand how many bytes it makes'],
  ['says another size than it needs', { bytes: (n) => 2 * n }, 'gives back every value within its stated error'],
  [
    'loses more than it says',
    { decode: (input, out, kernels) => (good.decode(input, out, kernels), void (out[0] = Math.round(out[0] ?? 0))) },
    'gives back every value within its stated error'
  ],
  [
    'is not done when it returns',
    { decode: (async (...given: Parameters<Codec['decode']>) => good.decode(...given)) as Codec['decode'] },
    'gives back every value within its stated error'
  ],
  [
    'leaves bytes as they were',
    { encode: (input, out) => out.set(raw(input).subarray(0, -1)), bytes: good.bytes },
    AGAIN
  ],
  [
    'takes packed bytes of any size',
    {
      encode: (input, out) => out.set(raw(input).subarray(0, out.length)),
      decode: (input, out) => raw(out).set(input.subarray(0, 4 * out.length))
    },
    'refuses packed bytes of another size than the floats make'
  ],
  [
    'believes an index that a stranger chose',
    {
      decode(input, out, kernels) {
        good.decode(input, out, kernels)
        const at = input.length > 0 ? input[0]! % 32 : 0
        if (at > out.length) new Float32Array(out.buffer, out.byteOffset, at + 1)[at] = 1e9
      }
    },
    'unpacks any bytes of the right size, or throws, and does no more and no other than the next time'
  ],
  [
    'unpacks bytes that no encoder makes by chance',
    {
      decode(input, out, kernels) {
        good.decode(input, out, kernels)
        if (out.some((value) => !Number.isFinite(value))) out.fill(Math.random())
      }
    },
    'unpacks any bytes of the right size, or throws, and does no more and no other than the next time'
  ],
  [
    'writes into what it packs',
    { encode: (input, out, kernels) => (good.encode(input, out, kernels), void input.fill(0)) },
    'gives back every value within its stated error'
  ]
])('a codec that %s is found out', async (_what, changes, law) => {
  expect([...(await brokenLaws(checkCodec(() => ({ ...good, ...changes })))).keys()]).toContain(law)
})

test('a codec that goes on from what it packed last is found out', async () => {
  const create = (): Codec => {
    let last: Float32Array | undefined
    return {
      ...good,
      encode(input, out, kernels) {
        good.encode(input, out, kernels)
        const at = last?.length === input.length ? last.findIndex((value, i) => value !== input[i]) : -1
        if (at >= 0) out[4 * at] = (out[4 * at]! + 1) % 256
        last = input.slice()
      }
    }
  }
  expect([...(await brokenLaws(checkCodec(create))).keys()]).toContain(AGAIN)
})

const dealt: Partitioner = {
  name: 'dealt',
  partition: ({ labels, shards, random }) => {
    const order = random.shuffle([...labels.keys()])
    return Array.from({ length: shards }, (_, k) => Uint32Array.from(order.filter((_, i) => i % shards === k)))
  }
}
const ONCE = 'deals every sample to exactly one shard, none of them empty, the same way for a seed'

test.each<[string, Partial<Partitioner>, string[]]>([
  ['is good', {}, []],
  ['deals nothing', { partition: ({ shards }) => Array.from({ length: shards }, () => new Uint32Array(0)) }, [ONCE]],
  ['deals too few shards', { partition: (init) => dealt.partition(init).slice(1) }, [ONCE]],
  [
    'deals at random without the seed',
    {
      partition: (init) =>
        dealt.partition({
          ...init,
          random: { ...init.random, shuffle: (list: number[]) => [...list].sort(() => Math.random() - 0.5) } as never
        })
    },
    [ONCE]
  ],
  [
    'deals the same for every seed',
    {
      partition: (init) =>
        dealt.partition({ ...init, random: { ...init.random, shuffle: (list: number[]) => list } as never })
    },
    ['deals otherwise for another seed']
  ]
])('a partitioner that %s', async (_what, changes, laws) => {
  const found = await brokenLaws(checkPartitioner(() => ({ ...dealt, ...changes })))
  expect([...found.keys()]).toEqual(expect.arrayContaining(laws))
  if (laws.length === 0) expect(found.size).toBe(0)
})
