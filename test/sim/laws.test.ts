import { PeergradError } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { breaches, isWell, LAWS } from './laws.js'
import { complaint } from './report.js'
import { inWords, type Scenario } from './scenario.js'
import { peerName } from './swarm.js'
import type { Absence, Life, Outcome } from './trial.js'

const NAMES = [0, 1, 2, 3].map(peerName)
const ROUNDS = 3
const SCENARIO: Scenario = {
  seed: 7,
  strategy: 'spirt',
  peers: 4,
  rounds: ROUNDS,
  compute: 400,
  deadline: 2000,
  grace: 2000,
  faults: [],
  newcomers: []
}

type Said = { readonly type: string; readonly at: number } & Readonly<Record<string, unknown>>

const view = (at: number, number: number, members: readonly string[]): Said => ({ type: 'view', at, number, members })
const round = (at: number, number: number, hash = `hash ${number}`): Said => {
  return { type: 'round', at, round: number, parametersHash: hash }
}
const BEGIN = view(0, 0, NAMES)
const ALL = [BEGIN, round(400, 0), round(800, 1), round(1200, 2)]

/** A peer that was there from the first round to the last, with what is told of it in another way. */
function life(name: string, events: readonly Said[], change: Partial<Life> = {}): Life {
  const result = { round: ROUNDS, rounds: ROUNDS, members: NAMES }
  const ending = { result } as unknown as Life['ending']
  return { name, began: 0, events: events as unknown as Life['events'], ended: false, ending, endedAt: 1300, ...change }
}

/** All went well, but for this peer, and for what else is told. */
function outcome(other: Life = life(NAMES[3], ALL), change: Partial<Outcome> = {}): Outcome {
  const lives = [...NAMES.slice(0, 3).map((name) => life(name, ALL)), other]
  return { scenario: SCENARIO, lives, absences: [], end: 1300, missed: [], ...change }
}

const broken = (found: Outcome) => LAWS.filter((law) => breaches(found)[law].length > 0)
const away = (peer: string, from: number, to = Infinity): Absence => ({ peer, why: 'kill', from, to })
const of = (members: readonly string[], rounds = ROUNDS) =>
  ({ result: { round: ROUNDS, rounds, members } }) as unknown as Life['ending']

describe('the laws of the virtual clock', () => {
  it('hold where all goes well', () => {
    expect(isWell(breaches(outcome()))).toBe(true)
  })

  it.each<[string, string, Outcome]>([
    ['hung', 'a peer that never ends', outcome(life(NAMES[3], ALL, { ending: undefined, endedAt: undefined }))],
    [
      'diverged',
      'two models after one round',
      outcome(life(NAMES[3], [...ALL.slice(0, 2), round(800, 1, 'other'), ALL[3]!]))
    ],
    ['diverged', 'one that never heals', outcome(life(NAMES[3], [...ALL, { type: 'diverged', at: 1250, round: 2 }]))],
    [
      'lost',
      'one that gives up while the others go on',
      outcome(life(NAMES[3], ALL, { ending: { error: new PeergradError('timeout', 'nobody answered') } }))
    ],
    ['excluded', 'one that the last view lacks', outcome(life(NAMES[3], ALL, { ending: of(NAMES.slice(1)) }))],
    [
      'late',
      'a round that takes longer than deadline and grace',
      outcome(life(NAMES[3], [...ALL.slice(0, 3), round(4900, 2)]), { end: 5000 })
    ],
    ['wrong', 'an error that nobody caught', outcome(undefined, { broken: 'TypeError' })],
    ['wrong', 'fewer rounds seen than made', outcome(life(NAMES[3], ALL, { ending: of(NAMES, 2) }))]
  ])('%s: name %s', (law, _what, found) => {
    expect(broken(found)).toContain(law)
  })

  it('silent: name who does not say that it pauses, and not who does', () => {
    const gone = [away(NAMES[1], 1000), away(NAMES[2], 1000)]
    const given = { error: new PeergradError('quorum', '2 of 4 peers are here') }
    const left = (...more: Said[]) =>
      outcome(undefined, {
        lives: [
          ...[0, 3].map((index) =>
            life(NAMES[index], [...ALL.slice(0, 3), ...more], { ending: given, endedAt: 60_000 })
          ),
          ...[1, 2].map((index) => life(NAMES[index], ALL.slice(0, 3), { ended: true, ending: undefined }))
        ],
        absences: gone,
        end: 60_000
      })
    expect(broken(left())).toEqual(['lost', 'silent'])
    expect(broken(left({ type: 'paused', at: 2000, reason: 'too few' }))).toEqual([])
  })

  it('excuse a round for the time in which no majority was there', () => {
    const gone = [away(NAMES[1], 900, 5000), away(NAMES[2], 900, 5000)]
    const slow = [...ALL.slice(0, 3), { type: 'paused', at: 1500, reason: 'too few' }, round(5500, 2)]
    const lives = NAMES.map((name) => life(name, slow, { endedAt: 5600 }))
    expect(broken(outcome(undefined, { lives, absences: gone, end: 5600 }))).toEqual([])
  })

  it('ask for a majority of the view that a peer is in, not of one that others had come to', () => {
    const [a, b, c, d] = NAMES
    const slow = [...ALL.slice(0, 3), { type: 'paused', at: 1500, reason: 'too few' }, round(5500, 2)]
    const lives = [
      ...[a, b].map((name) => life(name, slow, { endedAt: 5600 })),
      life(c, slow, { endedAt: 5600 }),
      // it decided the next round, and died with the view that only it knew
      life(d, [...ALL.slice(0, 3), view(950, 1, [a, b, d]), round(950, 2)], { ended: true, ending: undefined }),
      life(d, [round(5500, 2)], { began: 5000, endedAt: 5600 })
    ]
    const absences = [away(c, 900, 5000), away(d, 960, 5000)]
    expect(breaches(outcome(undefined, { lives, absences, end: 5600 })).late).toEqual([])
  })

  it('count a round from the last fault that struck it after another had been noticed', () => {
    const five = [0, 1, 2, 3, 4].map(peerName)
    const begin = [view(0, 0, five), round(400, 0), round(800, 1)]
    const noticed = { type: 'suspected', at: 2900, other: five[4], reason: 'no sign of it' }
    const found = (second: number, end: number) => {
      const lives = five.slice(0, 3).map((name) => life(name, [...begin, noticed, round(end, 2)], { endedAt: end }))
      const gone = five.slice(3).map((name) => life(name, begin, { ended: true, ending: undefined }))
      const absences = [away(five[4], 900), away(five[3], second)]
      return breaches(outcome(undefined, { lives: [...lives, ...gone], absences, end })).late.length
    }
    expect(found(3000, 7000)).toBe(0)
    expect(found(3000, 7001)).toBe(3)
    // both are noticed at once
    expect(found(1000, 4900)).toBe(3)
  })

  describe('where the strategy lets peers go', () => {
    const scenario = { ...SCENARIO, strategy: 'mlless:scale-in=true' }
    const three = NAMES.slice(0, 3)
    const stays = three.map((name) =>
      life(name, [...ALL.slice(0, 3), view(850, 1, three), ALL[3]], { ending: of(three) })
    )
    const goes = (reason: string) =>
      life(NAMES[3], [...ALL.slice(0, 3), view(850, 1, three), { type: 'left', at: 860, reason }], {
        ending: { result: { status: 'left', round: 2, rounds: 2, members: three } } as unknown as Life['ending'],
        endedAt: 860
      })

    it('excuse who went, and not who left for another reason, or where the strategy lets nobody go', () => {
      const told = goes('the strategy let it go')
      expect(broken(outcome(undefined, { scenario, lives: [...stays, told] }))).toEqual([])
      const others = [
        outcome(undefined, { lives: [...stays, told] }),
        outcome(undefined, { scenario, lives: [...stays, goes('asked to')] })
      ]
      for (const other of others) expect(broken(other)).toEqual(['lost', 'excluded', 'wrong'])
    })

    it('excuse who came back when too few were left to tell it what it missed, if it says that it pauses', () => {
      const given = { error: new PeergradError('quorum', '1 of 4 peers are here') }
      const alone = view(850, 1, [NAMES[0]])
      const behind = (...more: Said[]) =>
        life(NAMES[2], [...ALL.slice(0, 2), ...more], { ending: given, endedAt: 60_000 })
      const found = (last: Life, back: number) =>
        outcome(undefined, {
          scenario,
          lives: [
            life(NAMES[0], [...ALL.slice(0, 3), alone, ALL[3]], { ending: of([NAMES[0]]) }),
            life(NAMES[1], [...ALL.slice(0, 3), alone], { ended: true, ending: undefined }),
            last,
            goes('the strategy let it go')
          ],
          absences: [{ peer: NAMES[2], why: 'partition', from: 500, to: back }]
        })
      const paused: Said = { type: 'paused', at: 600, reason: 'too few' }
      expect(broken(found(behind(paused), 2000))).toEqual([])
      expect(broken(found(behind(), 2000))).toEqual(['lost'])
      // all four were in the view then
      expect(broken(found(behind(paused), 700))).toEqual(['lost', 'excluded'])
    })
  })
})

it('a complaint says what is wrong, in which scenario, and how to see it again', () => {
  const found = { words: inWords(SCENARIO), breaches: breaches(outcome(undefined, { broken: 'TypeError' })) }
  expect(complaint(found, 'pnpm test:faults --seed 7')).toBe(
    '4 peers, spirt, 3 rounds: no fault\n  wrong: TypeError\n  again: pnpm test:faults --seed 7'
  )
  expect(complaint({ ...found, breaches: breaches(outcome()) }, '')).toBe('')
})
