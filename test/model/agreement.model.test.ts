import { describe, expect, it } from 'vitest'
import type { Case, Disturbance } from './case.js'
import { Completion } from './completion.js'
import { explore, type Bounds } from './explore.js'
import { inputs } from './inputs.js'
import type { Violation } from './laws.js'
import { MUTANTS } from './mutants.js'
import { PeerStates } from './peer-states.js'
import { walk } from './walk.js'

/**
 * `pnpm test:model` explores what takes minutes and gigabytes, and walks a hundred times as far.
 */
const DEEP = process.env['PEERGRAD_MODEL'] === 'deep'

const ALL: readonly Disturbance[] = ['timeout', 'stall', 'suspicion', 'failure']

type Row = readonly [name: string, given: Case, bounds: Bounds]

const CASES: readonly Row[] = [
  ['3 members, all disturbances once', { members: 3, disturbances: ALL, times: 1 }, { progress: 5 }],
  [
    '3 members, many contributions, a failure',
    { members: 3, gathered: true, many: true, disturbances: ['failure'], times: 1 },
    { progress: 1 }
  ],
  ['2 members, two outcomes of one exchange', { members: 2, gathered: true, torn: true }, { progress: 3 }],
  ['3 members, one announces two manifests', { members: 3, equivocates: true }, { progress: 1 }],
  [
    '3 members, one is caught lying',
    { members: 3, gathered: true, disturbances: ['lie', 'stall', 'failure'], times: 1 },
    { progress: 2 }
  ],
  [
    '3 members, two outcomes of one exchange, hurried',
    { members: 3, gathered: true, torn: true, disturbances: ['hurry'], times: 1 },
    { progress: 5 }
  ]
]

const PROMPT: readonly Row[] = [
  ['3 members', { members: 3 }, {}],
  ['3 members, a false suspicion', { members: 3, disturbances: ['suspicion'], times: 1 }, {}],
  ['3 members, an early time-out', { members: 3, disturbances: ['timeout'], times: 1 }, {}],
  ['4 members', { members: 4 }, {}],
  ['5 members', { members: 5, gathered: true }, {}]
]

const DEEP_CASES: readonly Row[] = [
  ['2 members, all disturbances twice', { members: 2, disturbances: ALL, times: 2 }, { progress: 3 }],
  [
    '3 members, two outcomes of one exchange',
    { members: 3, gathered: true, torn: true, disturbances: ALL, times: 1 },
    { progress: 5 }
  ],
  ['3 members, stalled twice', { members: 3, gathered: true, disturbances: ['stall'], times: 2 }, { progress: 40 }],
  ['4 members, a suspicion', { members: 4, gathered: true, disturbances: ['suspicion'], times: 1 }, { progress: 20 }],
  ['4 members, stalled', { members: 4, gathered: true, disturbances: ['stall'], times: 1 }, { progress: 20 }],
  ['3 members, hurried twice', { members: 3, gathered: true, disturbances: ['hurry'], times: 2 }, { progress: 40 }],
  [
    '3 members, two outcomes of one exchange, hurried twice',
    { members: 3, gathered: true, torn: true, disturbances: ['hurry'], times: 2 },
    { progress: 40 }
  ],
  [
    '3 members, hurried and stalled',
    { members: 3, gathered: true, disturbances: ['hurry', 'stall'], times: 2 },
    { progress: 40 }
  ],
  ['2 members, all disturbances thrice', { members: 2, disturbances: ALL, times: 3 }, { progress: 10 }],
  ['3 members, all disturbances twice', { members: 3, gathered: true, disturbances: ALL, times: 2 }, { progress: 100 }],
  [
    '3 members, one announces two manifests, stalled',
    { members: 3, equivocates: true, disturbances: ['stall'], times: 1 },
    { progress: 50 }
  ],
  ['4 members, a failure', { members: 4, gathered: true, disturbances: ['failure'], times: 1 }, { progress: 100 }]
]

const WALKS: readonly Row[] = [4, 5, 7].flatMap((members): Row[] => {
  const times = 2 * members
  return [
    [`${members} members`, { members, disturbances: ALL, times }, {}],
    [`${members} members, hurried`, { members, disturbances: [...ALL, 'hurry'], times }, {}],
    [`${members} members, many contributions`, { members, many: true, disturbances: ALL, times }, {}],
    [`${members} members, two outcomes, hurried`, { members, torn: true, disturbances: [...ALL, 'hurry'], times }, {}],
    [`${members} members, two outcomes`, { members, torn: true, disturbances: ALL, times }, {}],
    [`${members} members, two manifests`, { members, equivocates: true, disturbances: ALL, times }, {}],
    [`${members} members, a liar`, { members, disturbances: [...ALL, 'lie'], times }, {}]
  ]
})
const SEEDS = DEEP ? 10_000 : 30
const STEPS = 500

/** What was explored, for the tables in the docs. */
function report(name: string, counts: Record<string, number>, start: number): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const words = Object.entries(counts).map(([key, count]) => `${count.toLocaleString('en')} ${key}`)
  console.log(`${name}: ${words.join(', ')} in ${seconds} s`)
}

function told({ law, trace }: Violation): string {
  return [law, ...trace].join('\n  ')
}

function exploreLawfully([name, given, bounds]: Row): void {
  const start = performance.now()
  const { violation, complete, values, ...counts } = explore(given, bounds)
  report(name, { ...counts, values: values.size }, start)
  expect(violation && told(violation)).toBeUndefined()
  expect(complete).toBe(true)
  expect(counts.decided).toBeGreaterThan(0)
}

describe('every state of a round', () => {
  it.each(DEEP ? [...CASES, ...DEEP_CASES] : CASES)('%s', { timeout: DEEP ? 3_600_000 : 120_000 }, (...row) =>
    exploreLawfully(row)
  )
})

describe('any members that may be gone are made up for without a time-out, once they are suspected', () => {
  it.each(PROMPT)('%s', (name, given) => exploreLawfully([name, given, { progress: 1, prompt: true }]))
})

describe('random walks', () => {
  it.each(WALKS)('%s', { timeout: DEEP ? 3_600_000 : 120_000 }, (name, given) => {
    const start = performance.now()
    const counts = { walks: 0, steps: 0, decided: 0, crashed: 0 }
    for (let seed = 0; seed < SEEDS; seed++) {
      const { violation, steps, decided, crashed } = walk(given, STEPS, seed)
      expect(violation && `seed ${seed}: ${told(violation)}`).toBeUndefined()
      counts.walks += 1
      counts.steps += steps
      counts.decided += decided
      counts.crashed += crashed
    }
    report(name, counts, start)
  })
})

it.each([2, 3])('of %i members, one that was away for a hundred ballots finds back', (members) => {
  const states = new PeerStates({ members, gathered: true })
  const peers = states.initial()
  for (const peer of states.members) if (peer !== 'B') peers[1] = states.step(peers[1], inputs.suspect(peer))
  for (let turn = 0; turn < 100; turn++) peers[1] = states.step(peers[1], inputs.stalled)
  expect(new Completion(states).violation(peers, { gone: members === 3 ? [2] : [], lost: true })).toBeUndefined()
})

describe('the checker', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'finds out who %s',
    (_, { case: given, bounds, law }) => {
      expect(explore({ ...given, make: undefined }, { states: 1000, ...bounds }).violation).toBeUndefined()
      const { violation } = explore(given, bounds)
      expect(violation?.law).toMatch(law)
    }
  )

  const stalled: [string, Case] = ['3 members', { members: 3, gathered: true, disturbances: ['stall'], times: 1 }]
  it.each<[string, Case]>([
    ['2 members', { members: 2, disturbances: ALL, times: 1 }],
    ['4 members', { members: 4, gathered: true }],
    ...(DEEP ? [stalled] : [])
  ])('misses nothing by leaving silent steps together: %s', (_, given) => {
    const seen = (full: boolean) => {
      const states = new Set<string>()
      explore(given, {
        full,
        visit: (peers) =>
          states.add(
            peers
              .map(({ said, value }) => [...said.sayings.map(({ body }) => JSON.stringify(body)).sort(), value].join())
              .join(';')
          )
      })
      return states
    }
    const [whole, reduced] = [seen(true), seen(false)]
    expect(whole.size).toBeGreaterThan(50)
    expect(reduced).toEqual(whole)
  })

  it('may trust in snapshots: what they do not tell makes no difference', () => {
    const states = new PeerStates({ members: 3, gathered: true, disturbances: ALL, times: 1 })
    explore(states.case, {}, states)
    expect(states.hidden(10)).toBeUndefined()
  })
})
