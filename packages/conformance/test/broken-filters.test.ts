import { checkFilter } from '@peergrad/conformance'
import { loadFactory, type Filter, type FilterInput } from '@peergrad/core'
import { filters } from '@peergrad/strategies'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const good: Filter = {
  name: 'good',
  describe: 'sends what is above a half',
  apply({ accumulated, sent }) {
    accumulated.forEach((value, i) => {
      if (Math.abs(value) > 0.5) sent[i] = value
    })
  }
}
const apply = (work: (input: FilterInput) => void): Partial<Filter> => ({ apply: work })
const WHOLE = 'sends of each coordinate all that has accumulated, or nothing'

test.each([...filters.entries.keys()])('the built-in filter %s holds all laws', async (name) => {
  const entry = filters.entries.get(name)
  const create = await loadFactory('filter', entry!.reference)
  expect(await brokenLaws(checkFilter(create))).toEqual(new Map())
})

test.each<[string, Partial<Filter>, string]>([
  ['has no apply', { apply: undefined as never }, 'has the members of its kind'],
  ['sends half of it', apply(({ accumulated, sent }) => sent.set(accumulated.map((value) => value / 2))), WHOLE],
  ['writes into what has accumulated', apply(({ accumulated }) => void accumulated.fill(1)), WHOLE],
  ['is not done when it returns', apply((async (input: FilterInput) => good.apply(input)) as Filter['apply']), WHOLE],
  ['writes into the model', apply(({ parameters }) => void parameters.fill(1)), WHOLE],
  [
    'is random without the seed',
    apply(({ accumulated, sent }) => void (Math.random() < 0.5 && sent.set(accumulated))),
    'sends the same again, from another instance, for the same seed'
  ],
  [
    'reads scratch that it gave back',
    apply(({ accumulated, sent, scratch }) => {
      const { vector, release } = scratch(sent.length)
      vector.set(accumulated)
      release()
      sent.set(vector)
    }),
    WHOLE
  ],
  [
    'does something else than its test says',
    { significance: () => ({ of: 'parameter', threshold: 0.5 }) },
    'sends by `apply` what its `significance` says, if it has one'
  ]
])('a filter that %s is found out', async (_what, changes, law) => {
  expect([...(await brokenLaws(checkFilter(() => ({ ...good, ...changes })))).keys()]).toContain(law)
})

test('a filter that sends more after another vector is found out', async () => {
  const create = (): Filter => {
    let before: Float32Array | undefined
    return {
      ...good,
      apply(input) {
        good.apply(input)
        const { accumulated, sent } = input
        if (before?.length === sent.length && accumulated.some((value, i) => value !== before![i]))
          sent.set(accumulated)
        before = accumulated.slice()
      }
    }
  }
  const found = await brokenLaws(checkFilter(create))
  expect([...found.keys()]).toEqual(['sends the same again, from another instance, for the same seed'])
})
