import assert from 'node:assert/strict'
import { createKernels, doneByPlugin, random, significantPart, type Filter } from '@peergrad/core'
import fc from 'fast-check'
import { assertNamed, assertSame, bits } from './arrays.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'

/** The laws of a filter. Rejects with a report of those that do not hold. */
export async function checkFilter(subject: Subject<'filter'>, check: CheckOptions = {}): Promise<Report> {
  const { who, create, watch } = await examine('filter', subject, check)
  return judge(who, [members(create), ...filterLaws(create)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh filter. */
export function filterLaws(create: () => Filter): Law[] {
  const kernels = createKernels()
  const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
  const pairs = fc.array(fc.tuple(float, float), { minLength: 1, maxLength: 60 })
  const shared = (values: readonly number[]) => {
    const vector = new Float32Array(new SharedArrayBuffer(4 * values.length))
    vector.set(values)
    return vector
  }

  function run(rows: readonly (readonly [number, number])[], { filter = create(), step = 3, seed = 7 } = {}) {
    const [accumulated, parameters] = [0, 1].map((column) => shared(rows.map((row) => row[column])))
    const sent = shared(rows.map(() => 0))
    const scratch = (length: number) => {
      const vector = shared(Array<number>(length).fill(NaN))
      return { vector, release: () => void vector.fill(NaN) }
    }
    const [learningRate, stream] = [0.1, random(seed, 'filter')]
    const before = [bits(accumulated), bits(parameters)]
    const input = { accumulated, parameters, sent, step, learningRate, random: stream, kernels, scratch }
    doneByPlugin(`filter ${filter.name}`, 'apply', () => filter.apply(input))
    assertSame(bits(accumulated), before[0], 'it wrote into what has accumulated')
    assertSame(bits(parameters), before[1], 'it wrote into the parameters')
    const test = filter.significance?.({ step, learningRate })
    return { accumulated, parameters, sent, test }
  }

  return [
    { name: 'says its name and what it is', prove: () => assertNamed(create()) },
    {
      name: 'sends of each coordinate all that has accumulated, or nothing',
      prove: () =>
        fc.assert(
          fc.property(pairs, (rows) => {
            const { accumulated, sent } = run(rows)
            sent.forEach((value, i) => {
              const good = value === 0 || value === accumulated[i]
              assert.ok(good, `got ${value} at ${i}, expected ${accumulated[i]}, what has accumulated there, or 0`)
            })
          })
        )
    },
    {
      name: 'sends the same again, from another instance, for the same seed',
      prove: () =>
        fc.assert(
          fc.property(pairs, pairs, fc.integer({ min: 1, max: 1000 }), (rows, others, step) => {
            const filter = create()
            const first = bits(run(rows, { filter, step }).sent)
            assertSame(bits(run(rows, { filter, step }).sent), first, 'the second time')
            for (const more of [rows.map(([x, parameter]) => [1 - x, parameter] as const), others])
              run(more, { filter, step: step + 1 })
            assertSame(bits(run(rows, { filter, step }).sent), first, 'after another vector')
            assertSame(bits(run(rows, { step }).sent), first, 'from another instance')
          })
        )
    },
    {
      name: 'sends by `apply` what its `significance` says, if it has one',
      claimed: () => create().significance !== undefined,
      prove: () =>
        fc.assert(
          fc.property(pairs, (rows) => {
            const { accumulated, parameters, sent, test } = run(rows)
            if (test === undefined) return
            const expected = shared(rows.map(() => 0))
            significantPart(test, { accumulated, parameters, sent: expected, kernels })
            sent.forEach((value, i) => assert.equal(value, expected[i], `at ${i}`))
          })
        )
    }
  ]
}
