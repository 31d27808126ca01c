import {
  Emitter,
  PeergradError,
  systemClock,
  virtualClock,
  type ControlMessage,
  type Engine,
  type ErrorCode,
  type GradientStore,
  type Logger
} from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import type { Swarm } from '../src/membership/swarm.js'
import { deferred } from '../src/deferred.js'
import { Catcher } from '../src/runtime/catcher.js'
import { Correspondence } from '../src/runtime/correspondence.js'
import { Model } from '../src/runtime/model.js'
import { EarlyMessages, type RoundMessage } from '../src/runtime/early-messages.js'
import { OwnContribution, type Made } from '../src/runtime/own-contribution.js'
import { isOwnFault } from '../src/runtime/own-fault.js'
import { OwnVectors } from '../src/runtime/own-vectors.js'
import { phasePlaces } from '../src/runtime/phase-places.js'
import type { PeerParts } from '../src/runtime/peer-parts.js'
import type { Presence } from '../src/runtime/presence.js'
import type { PhaseTimer } from '../src/runtime/phase-timer.js'
import type { ExchangeParts } from '../src/runtime/round-services.js'
import type { Round } from '../src/runtime/round.js'
import type { Rounds } from '../src/runtime/rounds.js'
import { Standing, type StandingInit } from '../src/runtime/standing.js'
import { donate, takeState, type Donation, type TakeStateInit } from '../src/runtime/state-sync.js'
import { VectorExchange, type VectorExchangeInit } from '../src/runtime/vectors.js'

describe('an own fault', () => {
  it.each<ErrorCode>(['full', 'crashed', 'internal', 'refused', 'corrupt', 'unsupported'])('is what is %s', (code) => {
    expect(isOwnFault(new PeergradError(code, 'store: no'))).toBe(true)
  })

  it.each<ErrorCode>(['refused', 'corrupt', 'unreachable'])('is not what is %s because of others', (code) => {
    expect(isOwnFault(new PeergradError(code, 'no', { peers: ['a'] }))).toBe(false)
  })
})

describe('where a phase runs', () => {
  const server = { denseInStore: true, rules: ['mean', 'median'] } as const

  it('is the database for rules that it has, and the peer for others', () => {
    expect(phasePlaces(server, {}, { name: 'mean' }).aggregate).toBe('database')
    expect(phasePlaces(server, {}, undefined).aggregate).toBe('peer')
  })

  it('is the peer where the strategy combines by itself, unless the database lies in the peer', () => {
    expect(phasePlaces(server, { combines: true }, { name: 'mean' }).aggregate).toBe('peer')
    expect(phasePlaces({ ...server, rules: 'any' }, { combines: true }, { name: 'mean' }).aggregate).toBe('database')
  })
})

/** The keys that a store holds, and nothing else of it. */
function keysOnly(...keys: string[]) {
  const held = new Set(keys)
  return {
    held,
    keys: async (prefix: string) => [...held].filter((key) => key.startsWith(prefix)),
    delete: async (gone: readonly string[]) => gone.forEach((key) => held.delete(key))
  }
}

describe('the model of a peer', () => {
  function model() {
    const { held, ...keys } = keysOnly()
    const steps: number[] = []
    const withdrawn: string[] = []
    const store = {
      applyUpdate: async ({ step }: { step: number }) => void steps.push(step),
      digest: async () => 'state',
      get: async () => ({}),
      put: async () => {},
      ...keys
    } as unknown as GradientStore
    const vectors = {
      offer: async () => '',
      retire: () => {},
      withdraw: (digest: string) => void withdrawn.push(digest)
    } as unknown as VectorExchange
    const engine = { layout: { parameters: 1 } } as Engine
    const optimiser = { name: 'sgd', learningRate: 1 } as const
    const init = { store, engine, vectors, optimiser, learningRate: () => 1, stepsPerRound: 1, ownModels: false }
    return { model: new Model(init), steps, withdrawn, held }
  }
  const outcome = (digest: string) => ({ key: digest, digest, shared: true })

  it('counts steps, and none in a round that only changed the view', async () => {
    const { model: it, steps } = model()
    await it.update(outcome('a'), 3)
    await it.update({ ...outcome('b'), shared: false }, 0)
    await it.update(outcome('c'), 3)
    expect(steps).toEqual([1, 2])
    expect([it.round, it.step]).toEqual([3, 2])
  })

  it('goes on offering an outcome that a later round has too', async () => {
    const { model: it, withdrawn } = model()
    for (let round = 0; round < 8; round++) {
      await it.update(outcome(round < 5 ? 'nothing' : `something ${round}`), 2)
      await it.forget(Infinity)
      if (round === 4) expect(withdrawn).toEqual([])
    }
    expect(withdrawn).toContain('nothing')
  })

  it('leaves nothing in the store of rounds that are over, however late it was written', async () => {
    const { model: it, held } = model()
    const round = async () => {
      await it.update(outcome('a'), 2)
      await it.forget(Infinity)
    }
    for (let i = 0; i < 9; i++) await round()
    for (const past of [2, 8, 9, 10]) held.add(`round:${past}:aggregated`)
    await round()
    // of the last one others may still ask, and the next one is in hand
    expect([...held]).toEqual(['round:9:aggregated', 'round:10:aggregated'])
  })
})

it('what a peer keeps for itself leaves nothing behind, where work that was given up wrote it late', async () => {
  const { held, ...store } = keysOnly()
  const own = new OwnVectors(store as unknown as GradientStore)
  const key = own.nextKey('momentum')
  await own.settle(false)
  held.add(key)
  await own.settle(false)
  expect([...held]).toEqual([])
})

it('a state that cannot be given whole is not held', async () => {
  let holds = 0
  const vectors = {
    hold: async (key: string) => {
      if (key.includes('state:0')) throw new PeergradError('missing', `store: no ${key}`)
      holds += 1
      return { digest: key, release: () => (holds -= 1) }
    }
  } as unknown as VectorExchange
  const store = { length: async () => 1, get: async () => ({ vector: [0], release() {} }) } as unknown as GradientStore
  const optimiser = { name: 'adam', learningRate: 1 } as const
  const donated = donate(vectors, store, optimiser, { round: 3 } as Donation)
  await expect(donated).rejects.toMatchObject({ code: 'missing' })
  await new Promise(setImmediate)
  expect(holds).toBe(0)
})

describe('a hold', () => {
  function exchange() {
    const served = new Set<string>()
    const mesh = {
      serve: (digest: string) => void served.add(digest),
      unserve: async (digest: string) => void served.delete(digest)
    }
    const store = { digest: async (key: string) => key, get: async () => ({ vector: [0], release() {} }) }
    const init = { mesh, store, packing: { sparse: false } } as unknown as VectorExchangeInit
    return { vectors: new VectorExchange(init), served }
  }

  it('holds what is served from the moment that it is, whenever a round is retired', async () => {
    for (let turns = 0; turns < 10; turns++) {
      const { vectors, served } = exchange()
      const held = vectors.hold('state')
      for (let turn = 0; turn < turns; turn++) await undefined
      vectors.retire(0)
      const { digest, release } = await held
      vectors.retire(0)
      expect(served).toContain(digest)
      release()
      vectors.retire(0)
      expect(served).not.toContain(digest)
    }
  })

  it('outlasts an offer of the same vector that ends', async () => {
    const { vectors, served } = exchange()
    await vectors.offer('outcome', Infinity)
    const { release } = await vectors.hold('outcome')
    vectors.withdraw('outcome')
    expect(served).toContain('outcome')
    release()
    vectors.retire(0)
    expect(served).not.toContain('outcome')
  })
})

it('what a peer gives after it failed to is given once, whoever waited for what failed', async () => {
  const given = new OwnContribution({} as ExchangeParts, {} as PhaseTimer)
  const made: string[] = []
  const gives = (name: string, make: () => Promise<Made>) => given.give(() => (made.push(name), make()), 1)
  const never = () => new Promise<Made>(() => {})
  const fails = async () => Promise.reject(new PeergradError('unreachable', 'on purpose'))
  const again = gives('first', fails).catch(() => void gives('second', never))
  await gives('no other', never).catch(() => {})
  await again
  void gives('no third', never)
  expect(made).toEqual(['first', 'second'])
})

describe('messages that come early', () => {
  const about = (round: number, envelope: Partial<Uint8Array>) => ({ message: { round }, envelope }) as RoundMessage
  const rounds = (early: EarlyMessages, round: number) => early.take(round).map(({ message }) => message.round)

  it('are kept up to so many bytes of each sender, of which those are none that were taken', () => {
    const early = new EarlyMessages()
    const half = new Uint8Array(128 * 1024)
    const keep = (from: string, round: number) => early.keep(from, about(round, half), 0)
    for (const round of [1, 2, 2]) keep('a', round)
    keep('b', 2)
    expect(rounds(early, 1)).toEqual([1])
    for (const round of [2, 2]) keep('a', round)
    expect(rounds(early, 2)).toEqual([2, 2, 2])
  })

  it('are counted once each', () => {
    const early = new EarlyMessages()
    let counted = 0
    const envelope = Object.defineProperty(new Uint8Array(1), 'byteLength', {
      get() {
        counted += 1
        return 1
      }
    })
    for (let i = 0; i < 100; i++) early.keep('a', about(1, envelope), 0)
    expect(counted).toBe(100)
  })
})

it('what came early of a founding that was given up since is not heard', () => {
  const swarm = { scope: 'old', run: 'r', ask: () => new Promise(() => {}) }
  const catcher = new Catcher({
    swarm: swarm as unknown as Swarm,
    clock: virtualClock(),
    logger: {} as Logger,
    suspects: () => false
  })
  const heard: ControlMessage[] = []
  const enter = (number: number) => {
    const receive = (_from: string, message: ControlMessage) => heard.push(message)
    const init = { votes: true, view: { number: 0, members: [] } }
    const round = { round: number, decided: false, init, receive }
    catcher.enter(round as unknown as Round, [])
  }
  const accept = (run: string) => ({ kind: 'accept', run, round: 6, ballot: 0, proposal: 'p', outcome: 'a' }) as const
  const come = (run: string) => catcher.receive('b', { message: accept(run), envelope: new Uint8Array(0) }, 5)
  enter(5)
  come('old')
  swarm.scope = 'new'
  come('new')
  enter(6)
  expect(heard).toEqual([accept('new')])
})

describe('a round that others say is over and forgotten', () => {
  const forgot = async () => ({ kind: 'decided', decision: null, accepts: [] })
  const refuses = () => Promise.reject(new PeergradError('missing', 'no'))

  /** Whether the round is given up once these were asked, one after the other, twice as who sends beats is. */
  async function overtaken(
    members: readonly string[],
    answers: Record<string, () => Promise<unknown>>,
    gone: readonly string[] = []
  ): Promise<boolean> {
    let given = false
    const swarm = { run: 'r', ask: (peer: string) => answers[peer]!() }
    const catcher = new Catcher({
      swarm: swarm as unknown as Swarm,
      clock: virtualClock(),
      logger: { debug() {} } as unknown as Logger,
      suspects: (peer) => gone.includes(peer)
    })
    const init = { votes: false, view: { number: 0, members } }
    catcher.enter(
      { round: 5, decided: false, init, learn() {}, overtaken: () => (given = true) } as unknown as Round,
      []
    )
    for (const peer of [...Object.keys(answers), ...Object.keys(answers)]) {
      catcher.ask(peer)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return given
  }

  it('is not given up on the word of as many as may lie', async () => {
    expect(await overtaken(['a', 'b', 'self'], { a: forgot })).toBe(false)
    expect(await overtaken(['a', 'b', 'c', 'd', 'self'], { a: forgot, b: forgot })).toBe(false)
    expect(await overtaken(['a', 'b', 'self'], { a: forgot, stranger: forgot })).toBe(false)
  })

  it('is given up on the word of more, of whom one tells the truth', async () => {
    expect(await overtaken(['a', 'b', 'self'], { a: forgot, b: forgot })).toBe(true)
    expect(await overtaken(['a', 'self'], { a: forgot })).toBe(true)
  })

  it('is given up where those that do not say so are gone, or do not bring what was decided', async () => {
    expect(await overtaken(['a', 'b', 'self'], { a: forgot }, ['b'])).toBe(true)
    expect(await overtaken(['a', 'b', 'self'], { b: refuses, a: forgot })).toBe(true)
    expect(
      await overtaken(['a', 'b', 'self'], { b: async () => ({ ...(await forgot()), decision: {} }), a: forgot })
    ).toBe(true)
    expect(await overtaken(['a', 'b', 'self'], { a: refuses, b: refuses })).toBe(false)
  })
})

it('who gave a state that was given up is asked last, and is asked', async () => {
  const asked: string[] = []
  const ask = async (peer: string) => {
    asked.push(peer)
    throw new PeergradError('missing', 'no state here')
  }
  const swarm = { ready: ['donor', 'newcomer'], run: 'r', ask }
  const signal = new AbortController().signal
  const init = { swarm, clock: systemClock(), distrusted: new Set(['donor']), patience: 600, signal }
  await expect(takeState(init as unknown as TakeStateInit<unknown>)).rejects.toMatchObject({ code: 'unreachable' })
  expect(asked[0]).toBe('newcomer')
  expect(asked).toContain('donor')
})

it.each([
  ['goes on to ask the others when those that were asked first say so', 'missing', 'unreachable'],
  ['is refused when all say so, in whatever turn', 'refused', 'refused']
] as const)('a peer that may not take part %s', async (_what, last, expected) => {
  const objection = new PeergradError('refused', 'no', { admission: 'secret' })
  const ready = Array.from({ length: 9 }, (_, index) => `peer${index}`)
  const asked = new Set<string>()
  const ask = (peer: string) => {
    asked.add(peer)
    return Promise.reject(peer !== ready[8] || last === 'refused' ? objection : new PeergradError(last, 'not now'))
  }
  const signal = new AbortController().signal
  const init = { swarm: { ready, run: 'r', ask }, clock: systemClock(), distrusted: new Set(), patience: 600, signal }
  await expect(takeState(init as unknown as TakeStateInit<unknown>)).rejects.toMatchObject({ code: expected })
  expect([...asked]).toEqual(ready)
})

describe('the data position of a donor', () => {
  const manifest = { seed: 1, batch: 2 }
  const partition = (shards: number) => {
    if (shards > 4) throw new TypeError('too few samples')
    return Array.from({ length: shards }, () => new Uint32Array(40).map((_, i) => i))
  }
  const init = { swarm: { manifest }, strategy: { minibatches: 1 }, partition }
  const standing = new Standing(init as unknown as StandingInit)
  const [two, three] = [
    ['a', 'b'],
    ['a', 'b', 'c']
  ]
  const position = {
    epoch: 0,
    start: 4,
    changes: [
      { round: 4, members: two! },
      { round: 6, members: three! }
    ]
  }
  const donation = { round: 8, view: { number: 2, members: three! }, position }

  it('is taken when a run can be there', () => {
    expect(standing.planOf(donation, ['d']).position).toEqual(position)
  })

  const many = Array.from({ length: 5 }, (_, i) => `p${i}`)
  const from = (changes: (typeof position)['changes']) => ({ ...donation, position: { ...position, changes } })
  it.each([
    ['has members to whom nothing can be dealt', { ...from([{ round: 4, members: many }]), view: { members: many } }],
    ['is of a later round', { ...donation, round: 5 }],
    ['is of an epoch that is over', { ...donation, round: 400 }],
    ['is of another view', { ...donation, view: { members: two! } }],
    ['begins in another round', { ...donation, position: { ...position, start: 3 } }],
    ['goes back', from([position.changes[0]!, { round: 4, members: three! }])],
    ['goes on after its epoch', from([position.changes[0]!, { round: 7000, members: three! }])],
    ['has a member twice', from([{ round: 4, members: ['a', 'a'] }, position.changes[1]!])],
    [
      'has more changes than can be told',
      from(Array.from({ length: 2500 }, (_, i) => ({ round: 4 + i, members: i % 2 ? two! : three! })))
    ]
  ])('is its fault when it %s', (_what, wrong) => {
    expect(() => standing.planOf({ ...donation, ...wrong, view: { number: 2, ...wrong.view } }, ['d'])).toThrow(
      expect.objectContaining({ code: 'corrupt', data: { peers: ['d'] } })
    )
  })
})

describe('correspondence', () => {
  const view = { number: 0, members: ['self', 'a', 'b', 'c'] }
  function corresponding() {
    let members: readonly string[] = view.members
    let responder = async (_from: string, _request: object): Promise<unknown> => expect.fail('nobody responds')
    const connected = new Set(['a', 'b', 'c'])
    const held = deferred<{ digest: string; release: () => void }>()
    const kept = new Set<string>()
    const forgotten: string[] = []
    const mesh = Object.assign(new Emitter(), { connected: () => [...connected] })
    const roster = Object.assign(new Emitter(), { isMember: (peer: string) => members.includes(peer) })
    const swarm = Object.assign(new Emitter(), {
      mesh,
      respond: (given: typeof responder) => (responder = given),
      objection: () => undefined,
      isReady: () => true
    })
    const parts = {
      roster,
      exclusions: Object.assign(new Emitter(), { donated: () => [] }),
      followers: {
        admits: () => true,
        add: (peer: string) => kept.add(peer),
        remove: () => undefined
      },
      standing: { foreign: false },
      optimiser: { name: 'sgd' },
      vectors: { hold: () => held.promise },
      init: { swarm, emit: () => undefined, store: { length: async () => 1 } }
    }
    const presence = { here: { round: 1, view }, confirmed: true, forget: (peer: string) => forgotten.push(peer) }
    const rounds = { retired: new Set() }
    const correspondence = new Correspondence(
      parts as unknown as PeerParts,
      presence as unknown as Presence,
      rounds as unknown as Rounds
    )
    return {
      correspondence,
      held,
      kept,
      forgotten,
      ask: () => responder('a', { kind: 'donate' }),
      goes(peer: string) {
        connected.delete(peer)
        mesh.emit('disconnect', { peer })
      },
      turns(number: number, next: readonly string[]) {
        members = next
        roster.emit('view', { number, members })
      }
    }
  }

  it('remembers nothing of a member that went, once the view is without it', () => {
    const { correspondence, forgotten, goes, turns } = corresponding()
    const close = correspondence.open()
    turns(0, view.members)
    goes('c')
    expect(forgotten).toEqual([])
    turns(1, ['self', 'a'])
    expect(forgotten).toEqual(['c'])
    goes('b')
    expect(forgotten).toEqual(['c', 'b'])
    close()
  })

  it('gives no state away after the run', async () => {
    const { correspondence, ask } = corresponding()
    correspondence.open()()
    expect(await ask()).toBeUndefined()
  })

  it('keeps nothing for a peer that is given the state as the run ends', async () => {
    const { correspondence, ask, held, kept } = corresponding()
    const close = correspondence.open()
    const asked = ask()
    let releases = 0
    close()
    held.resolve({ digest: 'x', release: () => (releases += 1) })
    expect(await asked).toBeUndefined()
    expect([releases, kept.size]).toEqual([1, 0])
  })
})
