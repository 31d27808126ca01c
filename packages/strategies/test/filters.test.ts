import { Arena, createKernels, random, type Filter, type Vector } from '@peergrad/core'
import { filters, none, randomK, significant, significantModel, topK } from '@peergrad/strategies'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const arena = Arena.create({ bytes: 4 << 20 })
const kernels = createKernels({ memory: arena.memory })
const scratch = (length: number) => {
  const vector = arena.allocate(length)
  return { vector, release: () => arena.free(vector) }
}

function vectorOf(values: ArrayLike<number>): Vector {
  const vector = arena.allocate(values.length)
  vector.set(values)
  return vector
}

/** What the filter sends. */
function sentBy(
  filter: Filter,
  accumulated: ArrayLike<number>,
  { parameters = new Float32Array(accumulated.length).fill(1), step = 1, learningRate = 1, seed = 1 } = {}
): number[] {
  const [acc, model, sent] = [accumulated, parameters, new Float32Array(accumulated.length)].map(vectorOf)
  filter.apply({
    accumulated: acc,
    parameters: model,
    sent,
    step,
    learningRate,
    kernels,
    random: random(seed),
    scratch
  })
  const result = [...sent]
  for (const vector of [acc, model, sent]) arena.free(vector)
  return result
}

const values = fc.float32Array({ minLength: 1, maxLength: 300, noNaN: true, noDefaultInfinity: true })

describe.each([none({}), significant({}), significantModel({}), topK({ share: 0.1 }), randomK({ share: 0.1 })])(
  'filter $name',
  (filter) => {
    it('stands in the registry', () => {
      expect(filters.entries.has(filter.name)).toBe(true)
    })

    it('sends a coordinate as it is, or not at all', () => {
      fc.assert(
        fc.property(values, (accumulated) => {
          const sent = sentBy(filter, accumulated)
          expect(sent.every((value, i) => value === 0 || Object.is(value, accumulated[i]))).toBe(true)
        })
      )
    })

    it('sends the same for the same input', () => {
      const accumulated = Array.from({ length: 200 }, (_, i) => Math.sin(i * i))
      expect(sentBy(filter, accumulated)).toEqual(sentBy(filter, accumulated))
    })
  }
)

describe('significant', () => {
  it('looks at each coordinate beside its parameter, and at a zero parameter as at nothing', () => {
    const parameters = Float32Array.of(1, -1, 10, 0, 0)
    expect(sentBy(significant({ v: 0.5 }), [0.6, -0.4, 4, 1e-30, 0], { parameters })).toEqual([
      Math.fround(0.6),
      0,
      0,
      Math.fround(1e-30),
      0
    ])
  })

  it('lowers its bound with the root of the step, and by the learning rate of what it looks at', () => {
    const one = (init: object) => sentBy(significant({ v: 0.5 }), [0.3], init)[0] !== 0
    expect([one({ step: 1 }), one({ step: 4 }), one({ learningRate: 0.5, step: 4 }), one({ learningRate: 2 })]).toEqual(
      [false, true, false, true]
    )
  })

  it('sends everything with v = 0', () => {
    fc.assert(
      fc.property(values, (accumulated) => {
        expect(sentBy(significant({ v: 0 }), accumulated)).toEqual([...accumulated].map((value) => value + 0))
      })
    )
  })
})

it('significant-model sends all or nothing', () => {
  const filter = significantModel({ v: 0.5 })
  expect(sentBy(filter, [0.3, 0.4], { parameters: Float32Array.of(0, 1.1) })).toEqual([0, 0])
  expect(sentBy(filter, [0.3, 0.4], { parameters: Float32Array.of(0, 0.9) })).toEqual([0.3, 0.4].map(Math.fround))
})

describe('top-k', () => {
  it('sends as many as its share, none smaller than one it does not send, and of equals the first', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (accumulated, share) => {
        const order = [...accumulated.keys()].sort(
          (a, b) => Math.abs(accumulated[b]) - Math.abs(accumulated[a]) || a - b
        )
        const chosen = new Set(order.slice(0, Math.max(1, Math.round(share * accumulated.length))))
        const expected = [...accumulated].map((value, i) => (chosen.has(i) ? value : 0))
        expect(sentBy(topK({ share }), accumulated)).toEqual(expected)
      })
    )
  })
})

describe('random-k', () => {
  it('sends as many as its share, others for another seed, each as often as the others', () => {
    const ones = new Float32Array(100).fill(1)
    const counts = new Array<number>(100).fill(0)
    for (let seed = 0; seed < 1000; seed++) {
      const sent = sentBy(randomK({ share: 0.1 }), ones, { seed })
      expect(sent.filter((value) => value !== 0)).toHaveLength(10)
      sent.forEach((value, i) => (counts[i] += value))
    }
    // 100 of 1,000 each, within five deviations
    expect(Math.min(...counts)).toBeGreaterThan(52)
    expect(Math.max(...counts)).toBeLessThan(148)
  })
})

it.each([
  [() => significant({ v: -1 }), 'significant.v'],
  [() => topK({ share: 0 }), 'top-k.share'],
  [() => randomK({ share: 2 }), 'random-k.share'],
  [() => significantModel({ w: 1 }), 'got the option "w"']
])('refuses an option that is out of range: %#', (make, message) => {
  expect(make).toThrow(message)
})
