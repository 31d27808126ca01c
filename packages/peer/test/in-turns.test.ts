import { virtualClock } from '@peergrad/core'
import { expect, it } from 'vitest'
import { deferred, type Deferred } from '../dist/deferred.js'
import { inTurns } from '../dist/runtime/in-turns.js'

/** Work that ends when it is told to, and who began it in which order. */
function work(count: number) {
  const items = Array.from({ length: count }, (_, i) => i)
  const begun: number[] = []
  const each: Deferred<string>[] = items.map(() => deferred())
  const begin = (item: number) => (begun.push(item), each[item]!.promise)
  return { items, begun, each, begin }
}

/** All promises that can go on have done so. */
const quiet = () => new Promise((resolve) => setImmediate(resolve))

it('begins from one on and around, all at once while they are few, and settles in order', async () => {
  const { items, begun, each, begin } = work(3)
  const clock = virtualClock()
  const all = inTurns(items, begin, { clock, first: 2 })
  expect(begun).toEqual([2, 0, 1])
  each[1]!.resolve('b')
  each[2]!.reject(new Error('no'))
  each[0]!.resolve('a')
  expect((await all).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([
    'a',
    'b',
    'Error: no'
  ])
  expect(clock.next).toBeUndefined()
})

it('of many has 256 under way, the next one when one of them ended', async () => {
  const { items, begun, each, begin } = work(1000)
  const clock = virtualClock()
  const all = inTurns(items, begin, { clock, first: 0 })
  expect(begun).toHaveLength(256)
  each[7]!.reject(new Error('no'))
  each[9]!.resolve('')
  await quiet()
  expect(begun).toHaveLength(258)
  for (const one of each) one.resolve('')
  expect(await all).toHaveLength(1000)
  expect(begun).toEqual(items)
  expect(clock.next).toBeUndefined()
})

it('work that ends after it was no longer counted makes room for nothing', async () => {
  const { items, begun, each, begin } = work(1000)
  const clock = virtualClock()
  const all = inTurns(items, begin, { clock, first: 0 })
  clock.turn()
  expect(begun).toHaveLength(512)
  for (const one of each.slice(0, 256)) one.resolve('')
  await quiet()
  expect(begun).toHaveLength(512)
  for (const one of each) one.resolve('')
  expect(await all).toHaveLength(1000)
})

it('work that stalls is not counted after a second, and waited for', async () => {
  const { items, begun, each, begin } = work(300)
  const clock = virtualClock()
  let settled = false
  const all = inTurns(items, begin, { clock, first: 0 }).finally(() => (settled = true))
  expect(begun).toHaveLength(256)
  clock.turn()
  expect(clock.now()).toBe(1000)
  expect(begun).toHaveLength(300)
  for (const one of each.slice(1)) one.resolve('')
  await quiet()
  expect(settled).toBe(false)
  each[0]!.resolve('')
  await all
})
