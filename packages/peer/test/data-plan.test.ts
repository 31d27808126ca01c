import { controlAnswers } from '@peergrad/core'
import { DataPlan } from '@peergrad/peer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const SAMPLES = 600
const partition = (shards: number) =>
  Array.from({ length: shards }, (_, shard) =>
    Uint32Array.from({ length: Math.floor(SAMPLES / shards) }, (_, index) => index * shards + shard)
  )
const init = { seed: 3, batch: 5, minibatches: 2, partition }
const start = (members: string[]) => new DataPlan(init, { epoch: 0, start: 0, changes: [{ round: 0, members }] })

/** All samples that the members read in rounds from … to − 1. */
function read(plan: DataPlan, members: string[], from: number, to: number): number[] {
  const samples: number[] = []
  for (let round = from; round < to; round++) {
    plan.advance(round, members)
    for (const peer of members) {
      for (const minibatch of plan.minibatches(round, peer)) samples.push(...minibatch.samples)
    }
  }
  return samples
}

describe('the data plan', () => {
  it('reads every sample once in an epoch', () => {
    const members = ['a', 'b', 'c']
    const plan = start(members)
    const samples = read(plan, members, 0, plan.epochEnd)
    expect(plan.epochEnd).toBe(20)
    expect(['a', 'c', 'd'].map((peer) => plan.samples(peer))).toEqual([200, 200, 0])
    expect(samples.sort((x, y) => x - y)).toEqual(Array.from({ length: SAMPLES }, (_, index) => index))
  })

  it('can be told to a newcomer, however often the view has changed in the epoch', () => {
    const names = Array.from({ length: 100 }, (_, index) => `12D3KooW${String(index).padStart(44, 'x')}`)
    const shards = (count: number) =>
      Array.from({ length: count }, (_, shard) =>
        Uint32Array.from({ length: 1000 }, (_, index) => index * count + shard)
      )
    const plan = new DataPlan(
      { seed: 3, batch: 1, minibatches: 1, partition: shards },
      { epoch: 0, start: 0, changes: [{ round: 0, members: names }] }
    )
    for (let round = 1; round <= 400; round++) plan.advance(round, names.slice(round % 2))
    expect(plan.epoch).toBeGreaterThan(0)
    const digest = 'a'.repeat(64)
    const donation = {
      kind: 'donation' as const,
      round: 400,
      hash: digest,
      step: 400,
      lineage: { founder: names[0]!, founded: 1 },
      view: { number: 400, members: names },
      vectors: [{ digest, length: 1 }],
      position: plan.position,
      evidence: [],
      guests: []
    }
    expect(controlAnswers.decode(controlAnswers.encode(donation))).toEqual(donation)
  })

  it('shuffles anew in the next epoch', () => {
    const plan = start(['a'])
    const first = read(plan, ['a'], 0, 60)
    const second = read(plan, ['a'], 60, 120)
    expect(plan.epoch).toBe(1)
    expect(second).not.toEqual(first)
    expect([...second].sort()).toEqual([...first].sort())
  })

  it('deals the unread samples of a peer that goes to those that stay', () => {
    const plan = start(['a', 'b', 'c', 'd'])
    const before = read(plan, ['a', 'b', 'c', 'd'], 0, 6)
    plan.advance(6, ['a', 'b', 'd'])
    const after = read(plan, ['a', 'b', 'd'], 6, plan.epochEnd)
    expect(new Set([...before, ...after]).size).toBe(SAMPLES)
    expect(after).toHaveLength(SAMPLES - before.length)
  })

  it('gives a newcomer a share of what is unread', () => {
    const plan = start(['a', 'b'])
    const before = read(plan, ['a', 'b'], 0, 10)
    plan.advance(10, ['a', 'b', 'c'])
    const mine = new Set(
      Array.from({ length: plan.epochEnd - 10 }, (_, index) => plan.minibatches(10 + index, 'c')).flatMap(
        (minibatches) => minibatches.flatMap(({ samples }) => [...samples])
      )
    )
    expect(mine.size).toBeGreaterThan(100)
    expect(before.filter((sample) => mine.has(sample))).toEqual([])
  })

  it('gives one that comes as another goes no more than one that comes after', () => {
    const [before, leave, after] = [
      ['a', 'b', 'c', 'd'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c', 'e']
    ]
    const plan = start(before)
    const samples = read(plan, before, 0, 6)
    plan.advance(6, after)
    expect(after.map((peer) => plan.samples(peer))).toEqual([90, 90, 90, 90])
    const twice = start(before)
    for (const members of [leave, after]) twice.advance(6, members)
    for (const peer of after) expect(plan.minibatches(6, peer)).toEqual(twice.minibatches(6, peer))
    samples.push(...read(plan, after, 6, plan.epochEnd))
    expect(samples.sort((x, y) => x - y)).toEqual(Array.from({ length: SAMPLES }, (_, index) => index))
  })

  it('loses no sample and deals none twice, whoever comes and goes', () => {
    const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 })
    fc.assert(
      fc.property(members, members, (before, after) => {
        fc.pre(before.join() !== after.join())
        const plan = start(before)
        const whole = before.reduce((sum, peer) => sum + plan.samples(peer), 0)
        const samples = read(plan, before, 0, 3)
        plan.advance(3, after)
        const lists = after.map((peer) => plan.samples(peer))
        expect(lists.reduce((sum, length) => sum + length, samples.length)).toBe(whole)
        for (let round = 3; round < 3 + SAMPLES / 10; round++)
          for (const peer of after)
            for (const minibatch of plan.minibatches(round, peer)) samples.push(...minibatch.samples)
        expect(new Set(samples).size).toBe(whole)
        const stay = after.filter((peer) => before.includes(peer)).length
        // of each list that is dealt in turn one may have one more
        expect(Math.max(...lists) - Math.min(...lists)).toBeLessThanOrEqual(stay + 2)
      })
    )
  })

  it('names all training samples once, in one order for all, whoever goes', () => {
    const plan = start(['a', 'b', 'c'])
    const all = plan.training()
    plan.advance(4, ['a', 'c'])
    expect(plan.training()).toEqual(all)
    expect(new DataPlan(init, plan.position).training()).toEqual(all)
    expect([...all].sort((x, y) => x - y)).toEqual(Array.from({ length: SAMPLES }, (_, index) => index))
  })

  it('lists all training samples once in an epoch, and anew in the next one', () => {
    const epochs: number[] = []
    const deal = (shards: number, epoch: number) => {
      epochs.push(epoch)
      return partition(shards).map((shard) => shard.map((sample) => sample + epoch * SAMPLES))
    }
    const position = { epoch: 0, start: 0, changes: [{ round: 0, members: ['a', 'b'] }] }
    const plan = new DataPlan({ ...init, partition: deal }, position)
    const lists = [0, 1, 2].map(() => plan.training())
    expect(epochs).toEqual([0, 0])
    expect(new Set(lists).size).toBe(1)
    plan.advance(plan.epochEnd, ['a', 'b'])
    expect(Math.min(...plan.training())).toBe(SAMPLES)
  })

  it('is the same for a peer that starts from its position, after any changes of the view', () => {
    const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(members, { minLength: 1, maxLength: 12 }), (views) => {
        const plan = start(views[0])
        views.forEach((view, round) => plan.advance(round, view))
        const copy = new DataPlan(init, plan.position)
        const round = views.length - 1
        const last = views[round]
        expect(copy.epochEnd).toBe(plan.epochEnd)
        for (const peer of last) {
          expect(copy.minibatches(round, peer)).toEqual(plan.minibatches(round, peer))
          expect(plan.minibatches(round, peer)).toHaveLength(2)
        }
      })
    )
  })
})
