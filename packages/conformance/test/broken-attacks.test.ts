import { checkAttack } from '@peergrad/conformance'
import {
  loadFactory,
  replace,
  type Attack,
  type AttackFactory,
  type CraftInput,
  type Dataset,
  type Disguise
} from '@peergrad/core'
import { attacks } from '@peergrad/strategies'
import { describe, expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const facts = { name: 'bad', describe: 'does what it must not', holds: 'nothing that is worth a word', knows: [] }
const meanOf = ({ honest, out }: CraftInput) => {
  for (let i = 0; i < out.length; i++) out[i] = honest.reduce((sum, row) => sum - row[i]!, 0)
}
const crafting = (changes: object): AttackFactory => {
  return () => ({ ...facts, level: 'gradient', knows: ['honest'], craft: meanOf, ...changes }) as Attack
}
const corrupting = (corrupt: (dataset: Dataset) => Dataset): AttackFactory => {
  return () => ({ ...facts, level: 'data', corrupt })
}
const arming = (disguise: Disguise): AttackFactory => {
  return () => ({ ...facts, level: 'payload', arm: () => disguise })
}
const shared = (values: Uint8Array) => {
  const copy = new Uint8Array(new SharedArrayBuffer(values.length))
  copy.set(values)
  return copy
}
const relabelled = (dataset: Dataset, relabel: (label: number) => number): Dataset => {
  const labels = shared(dataset.train.labels).map(relabel)
  return { ...dataset, train: { ...dataset.train, labels: shared(labels) } }
}

const MEMBERS = 'has the members of its kind'
const FACTS = 'says its name, what it is, what must hold, and what it must be told'
const ENDS = 'ends its work, with what it says that it knows'
const WRITES = 'writes its output whole, of finite numbers, and nothing else'
const SAME = 'crafts the same again, from another instance, for the same seed: so accomplices do'
const LEAVES = 'changes the training samples, and leaves what it was given and the test split as they are'
const PLAYS = 'plays in a run, in which the honest peers come to the end'
const SCHEDULE = 'leaves the rounds alone that its schedule leaves out'

test.each<[string, AttackFactory, string]>([
  ['crafts nothing', crafting({ craft: undefined }), MEMBERS],
  ['is of no level', crafting({ level: 'model' }), MEMBERS],
  ['changes no data', (() => ({ ...facts, level: 'data' })) as never, MEMBERS],
  ['must be told what nobody knows', crafting({ knows: ['labels'] }), FACTS],
  ['says nothing of what must hold', crafting({ holds: '' }), FACTS],
  [
    'reads what it did not ask for',
    crafting({ knows: [], craft: ({ honest, out }: CraftInput) => out.set(honest[0]!) }),
    ENDS
  ],
  [
    'reads what the last round made, and did not ask for it',
    crafting({ craft: ({ round, last, out }: CraftInput) => void (round > 0 ? out.set(last!) : out.fill(0)) }),
    ENDS
  ],
  ['never ends', crafting({ craft: () => new Promise(() => {}) }), ENDS],
  ['leaves a value as it was', crafting({ craft: ({ out }: CraftInput) => out.subarray(1).fill(1) }), WRITES],
  ['gives infinity', crafting({ craft: ({ out }: CraftInput) => out.fill(Infinity) }), WRITES],
  [
    'writes into what the others give',
    crafting({ craft: ({ honest, out }: CraftInput) => out.set(honest[0]!.fill(0)) }),
    WRITES
  ],
  [
    'gives what an honest peer does',
    crafting({ craft: ({ own, out }: CraftInput) => out.set(own) }),
    'crafts another vector than its own gradient'
  ],
  ['is random without the seed', crafting({ craft: ({ out }: CraftInput) => out.fill(Math.random()) }), SAME],
  ['changes the test split', corrupting(({ test, ...rest }) => ({ ...rest, train: test, test: rest.train })), LEAVES],
  ['changes nothing', corrupting((dataset) => ({ ...dataset })), LEAVES],
  [
    'writes into the data',
    corrupting((dataset) => {
      dataset.train.labels.fill(0)
      return relabelled(dataset, () => 1)
    }),
    LEAVES
  ],
  [
    'makes a class that there is not',
    corrupting((dataset) => relabelled(dataset, () => 200)),
    'has as many values and labels as it says, all of them good, in shared memory or in files'
  ],
  [
    'is random without the seed in data',
    corrupting((dataset) => relabelled(dataset, () => Math.floor(4 * Math.random()))),
    'is the same each time'
  ],
  ['keeps a run from beginning', arming({ store: () => JSON.parse('{') as never }), PLAYS],
  [
    'plays whenever it likes',
    arming({
      strategy: (honest) =>
        replace(honest, {
          round: (round) =>
            honest.round(
              replace(round, {
                contribute: (make) => round.contribute(async () => ({ ...(await make()), key: round.state }))
              })
            )
        })
    }),
    SCHEDULE
  ]
])('an attack that %s is found out', async (_what, factory, law) => {
  const found = await brokenLaws(checkAttack(factory, { patience: 200 }))
  expect([...found.keys()]).toContain(law)
})

test('an attack may give its own gradient in most rounds', async () => {
  const craft = (input: CraftInput) => (input.round === 20 ? meanOf(input) : input.out.set(input.own))
  expect(await brokenLaws(checkAttack(crafting({ craft })))).toEqual(new Map())
})

describe('a good one holds all laws', () => {
  test.each([
    'sign-flip',
    'optimal-alie',
    'mimic',
    'gaussian',
    'label-flip',
    'backdoor',
    'nan',
    'wrong-digest',
    'replay'
  ])('%s', async (name) => {
    const create = await loadFactory('attack', attacks.entries.get(name)!.reference)
    expect(await brokenLaws(checkAttack(create))).toEqual(new Map())
  })
})
