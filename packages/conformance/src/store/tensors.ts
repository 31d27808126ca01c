import assert from 'node:assert/strict'
import { checkShape, GRADIENT_STORE } from '@peergrad/core'
import fc from 'fast-check'
import { assertSame } from '../arrays.js'
import type { StoreLaw } from './laws.js'
import { bitsOf, put, refuses, words } from './vectors.js'

/** More than any driver sends in one message: than has on its way at once. */
const [LONG, LONGER] = [300_000, (1 << 20) + 1]
const NO_KEYS = ['', 'a b', 'ä', 'a/b', '../x', 'x'.repeat(201), 'a\n']

/** What must hold of keys, leases, expiry and the budget. */
export const TENSOR_LAWS: readonly StoreLaw[] = [
  {
    name: 'opens what has the members of a store',
    first: true,
    prove: ({ store }) => checkShape('what it opens', store, GRADIENT_STORE)
  },
  {
    name: 'gives back the very bits that were put',
    async prove({ store }) {
      const word = fc.oneof(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.constantFrom(0x7f800000, 0xff800000, 0x80000000, 0x7fc00001, 1)
      )
      let count = 0
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 300 }), async (row) => {
          const key = `bits:${count++}`
          const lease = store.lease(row.length)
          words(lease.vector).set(row)
          await store.put(key, lease)
          assertSame(await bitsOf(store, key), row, 'bits')
          assert.equal(await store.length(key), row.length, 'length')
          await store.delete([key])
        }),
        { numRuns: 50 }
      )
    }
  },
  {
    name: 'writes a key once: the same bits again change nothing, others are a conflict',
    async prove({ store }) {
      await put(store, 'a', [0, 2, 3])
      const [before, bits] = [await store.usage(), await bitsOf(store, 'a')]
      await put(store, 'a', [0, 2, 3])
      for (const other of [
        [1, 2, 3],
        [0, 2],
        [-0, 2, 3]
      ]) {
        await refuses('conflict', `put of ${other.join(', ')} over 0, 2, 3`, () => put(store, 'a', other))
      }
      assertSame(await bitsOf(store, 'a'), bits, 'bits')
      assert.deepEqual(await store.usage(), before, 'usage')
    }
  },
  {
    name: 'gives a key to one of several writers at once, and never a mixture',
    async prove({ store }) {
      const rows = [1, 2, 3, 4].map((value) => new Float32Array(LONG).fill(value))
      const outcomes = await Promise.allSettled(rows.map((row) => put(store, 'a', row)))
      const won = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []))
      assert.equal(won.length, 1, `${won.length} of 4 writers succeeded`)
      const lease = await store.get('a')
      assert.deepEqual([...new Set(lease.vector)], won, 'values')
      lease.release()
    }
  },
  {
    name: 'gives a reader all of one version, whatever becomes of the key while it reads',
    async prove({ store }) {
      const row = new Float32Array(LONGER)
      await put(store, 'a', row.fill(1))
      const reading = store.get('a')
      await store.delete(['a'])
      const writing = put(store, 'a', row.fill(2))
      const before = await reading
      await writing
      assert.deepEqual([...new Set(before.vector)], [1], 'values of the version that was there')
      before.release()
      const after = await store.get('a')
      assert.deepEqual([...new Set(after.vector)], [2], 'values of the version that is there')
      after.release()
    }
  },
  {
    name: 'takes no lease twice, and no released one',
    async prove({ store }) {
      const lease = store.lease(2)
      lease.vector.set([1, 2])
      await store.put('a', lease)
      await refuses('argument', 'put of a lease that was put', () => store.put('b', lease))
      const released = store.lease(2)
      released.release()
      await refuses('argument', 'put of a released lease', () => store.put('b', released))
    }
  },
  {
    name: 'refuses keys that are none',
    async prove({ store }) {
      for (const key of NO_KEYS) {
        const what = `the key ${JSON.stringify(key)}`
        await refuses('argument', what, () => store.get(key))
        await refuses('argument', what, () => store.has(key))
        await refuses('argument', what, () => store.delete([key]))
        await refuses('argument', what, () => store.digest(key))
        await refuses('argument', what, () => store.average([key], 'to'))
        await refuses('argument', what, () => put(store, key, [1]))
      }
    }
  },
  {
    name: 'names everything that is missing, and makes nothing of the rest',
    async prove({ store }) {
      await put(store, 'there', [1])
      const { data } = await refuses('missing', 'average', () => store.average(['x', 'there', 'y'], 'to'))
      assert.deepEqual(data['keys'], ['x', 'y'], 'data.keys')
      for (const call of [() => store.get('x'), () => store.digest('x'), () => store.length('x')]) {
        await refuses('missing', 'a key that is not there', call)
      }
      assert.equal(await store.has('to'), false, 'has')
    }
  },
  {
    name: 'lists keys by prefix, in order, and deletes what is there',
    async prove({ store }) {
      for (const key of ['b:2', 'a:1', 'b:1']) await put(store, key, [1])
      assert.deepEqual(await store.keys('b:'), ['b:1', 'b:2'])
      await store.delete(['b:1', 'never'])
      assert.deepEqual(await store.keys(''), ['a:1', 'b:2'])
      assert.deepEqual([await store.has('b:1'), await store.has('b:2')], [false, true], 'has')
    }
  },
  {
    name: 'keeps the lease of a deleted vector good until it is released',
    async prove({ store }) {
      await put(store, 'a', Array(1000).fill(7))
      const lease = await store.get('a')
      await store.delete(['a'])
      for (let i = 0; i < 5; i++) await put(store, `other:${i}`, Array(1000).fill(i))
      assert.deepEqual([...new Set(lease.vector)], [7], 'values of the lease')
      const held = (await store.usage()).bytes
      lease.release()
      lease.release()
      assert.ok((await store.usage()).bytes < held, 'its bytes must come back when it is released')
    }
  },
  {
    name: 'forgets a key when its time is up, by the clock that it was given, and not before',
    async prove({ store, advance }) {
      await put(store, 'short', [1], { ttl: 1000 })
      await put(store, 'long', [2], { ttl: 3000 })
      await put(store, 'kept', [3])
      await put(store, 'again', [4], { ttl: 1000 })
      await store.delete(['again'])
      await put(store, 'again', [5])
      await advance(999)
      assert.equal(await store.has('short'), true, 'a moment before')
      await advance(2)
      assert.deepEqual(await store.keys(''), ['again', 'kept', 'long'], 'a moment after')
      await refuses('missing', 'get of what has expired', () => store.get('short'))
      await advance(100_000)
      assert.deepEqual(await store.keys(''), ['again', 'kept'], 'long after')
    }
  },
  {
    name: 'refuses what is past its budget, and changes nothing',
    async prove({ store }) {
      await put(store, 'a', [1, 2])
      const before = await store.usage()
      assert.ok(before.limit > 0 && before.bytes >= 8, `usage() gave ${before.bytes} of ${before.limit} bytes`)
      await refuses('full', `a lease of ${before.limit} bytes more`, () => store.lease(before.limit / 4))
      assert.deepEqual(await store.usage(), before, 'usage')
    }
  },
  {
    name: 'is flat over vectors that come and go, and over calls that are refused',
    async prove({ store }) {
      await put(store, 'kept', [1, 2])
      await put(store, 'nan', [1, NaN])
      const before = await store.usage()
      for (let i = 0; i < 200; i++) {
        await put(store, `v:${i}`, Array(1 + ((37 * i) % 4000)).fill(i))
        if (i % 10 === 0) await store.average([`v:${i}`], `mean:${i}`)
        ;(await store.get(`v:${i}`)).release()
        await store.delete([`v:${i}`, `mean:${i}`])
      }
      await refuses('conflict', 'an average over one of its inputs', () => store.average(['kept'], 'nan'))
      assert.deepEqual(await store.usage(), before, 'usage')
    }
  }
]
