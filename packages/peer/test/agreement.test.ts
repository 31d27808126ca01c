import { RoundAgreement, type AgreementMessage, type Decision } from '@peergrad/peer'
import { random, type ContributionManifest, type PeerId, type Random } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { Accepts } from '../src/runtime/agreement/accepts.js'
import { EarlyPromises } from '../src/runtime/agreement/early-promises.js'

/** Of what every peer gives, and of what it does not. */
const [DIGEST, INVENTED] = ['0'.repeat(64), '1'.repeat(64)] as const

interface Event {
  readonly to: PeerId
  /** who said it */
  readonly from?: PeerId | undefined
  readonly run: (agreement: RoundAgreement) => void
}

/**
 * A round among n peers whose messages, time-outs and suspicions come in any order, some of whom crash. What one peer
 * sends another is neither lost nor changed while both live, and may be overtaken by later messages. One may lie beside what it
 * does as an honest peer would; then the moment of a ballot lasts until all that was said has come.
 */
class World {
  readonly members: PeerId[]
  readonly alive = new Set<PeerId>()
  readonly decisions = new Map<PeerId, Decision>()
  /** of lives that are over */
  readonly earlier: Decision[] = []
  readonly agreements = new Map<PeerId, RoundAgreement>()
  /** outcomes that each peer holds */
  readonly holds = new Map<PeerId, Set<string>>()
  /** messages that arrive, by kind */
  readonly messages = new Map<AgreementMessage['kind'], number>()
  readonly #random: Random
  #events: Event[] = []
  /** ends of moments, while somebody lies */
  #pauses: Event[] = []
  readonly #early = new Map<PeerId, EarlyPromises>()
  readonly #liar: PeerId | undefined
  /** ballots in which the liar proposed: two proposals can tear the others apart, see SECURITY.md */
  readonly #spent = new Set<number>()

  constructor(n: number, seed: number, liar?: number) {
    this.#random = random(seed)
    this.members = Array.from({ length: n }, (_, index) => `peer${index}`)
    this.#liar = liar === undefined ? undefined : this.members[liar]
    for (const self of this.members) this.#add(self)
    for (const self of this.members) {
      for (const to of this.members) this.#events.push({ to, run: (agreement) => agreement.manifest(manifest(self)) })
    }
  }

  /** Runs until nothing is left to happen. With `chaos`, peers crash and are suspected at random on the way. */
  run({
    crashes,
    falseSuspicions,
    returns = 0,
    lies = 0
  }: {
    /** with `returns`, of a peer that decided where there is one, and nobody hears what it said last */
    crashes: number
    falseSuspicions: number
    /** of so many that crashed, as soon as nothing else happens or before */
    returns?: number
    lies?: number
  }): void {
    for (let step = 0; step < 5000; step++) {
      const gone = this.members.filter((peer) => !this.alive.has(peer))
      if (returns > 0 && gone.length > 0 && (this.#events.length === 0 || this.#random.below(20) === 0)) {
        returns -= 1
        this.#comeBack(this.#pick(gone))
      }
      if (crashes > 0 && returns === 0 && this.#random.below(15) === 0) {
        crashes -= 1
        this.crash(this.#pick(this.honest))
      }
      const knows = this.honest.find((peer) => this.decisions.has(peer))
      if (crashes > 0 && returns > 0 && (knows !== undefined || this.#random.below(30) === 0)) {
        crashes -= 1
        const peer = knows ?? this.#pick(this.honest)
        this.#events = this.#events.filter(({ from }) => from !== peer)
        this.crash(peer)
      }
      if (lies > 0 && this.#random.below(4) === 0) {
        lies -= 1
        this.#lie()
      }
      if (this.#events.length === 0) this.#events = this.#pauses.splice(0)
      if (falseSuspicions > 0 && this.#random.below(10) === 0) {
        falseSuspicions -= 1
        const [who, whom] = [this.#pick(this.members), this.#pick(this.members)]
        if (who !== whom) this.#later(who, (agreement) => agreement.lose(whom))
        this.#later(who, (agreement) => agreement.regain(whom))
      }
      if (this.#events.length === 0) {
        if (this.honest.every((peer) => this.decisions.has(peer))) return
        for (const peer of this.alive) {
          this.#later(peer, (agreement) => agreement.collected())
          this.#later(peer, (agreement) => agreement.stalled())
        }
      }
      const [event] = this.#events.splice(this.#random.below(this.#events.length), 1)
      const agreement = this.agreements.get(event.to)
      if (agreement !== undefined && this.alive.has(event.to)) event.run(agreement)
    }
    throw new Error(`undecided: ${this.honest.filter((peer) => !this.decisions.has(peer)).join(', ')}`)
  }

  get honest(): PeerId[] {
    return [...this.alive].filter((peer) => peer !== this.#liar)
  }

  crash(peer: PeerId): void {
    this.alive.delete(peer)
    for (const other of this.alive) this.#later(other, (agreement) => agreement.lose(peer))
  }

  /** With an empty store, and without knowing what it said. */
  #comeBack(peer: PeerId): void {
    const decision = this.decisions.get(peer)
    if (decision !== undefined) this.earlier.push(decision)
    this.decisions.delete(peer)
    this.#events = this.#events.filter(({ to }) => to !== peer)
    this.#add(peer, false)
    for (const other of this.alive) {
      this.#later(other, (agreement) => agreement.regain(peer))
      this.#later(peer, (agreement) => agreement.manifest(manifest(other)))
      const decided = this.decisions.get(other)
      if (decided !== undefined) this.#later(peer, (agreement) => agreement.learn(decided, this.members))
    }
  }

  #add(self: PeerId, remembers = true): void {
    this.alive.add(self)
    this.holds.set(self, new Set())
    this.#early.set(self, new EarlyPromises())
    const agreement = new RoundAgreement({
      self,
      votes: true,
      remembers: () => remembers,
      view: { number: 0, members: this.members },
      next: () => ({
        members: this.members.filter((peer) => this.alive.has(peer)),
        retired: [],
        evidence: [],
        finish: false
      }),
      valid: () => true,
      plausible: () => true,
      nameOf: JSON.stringify,
      minimum: () => 1,
      effects: {
        send: (message) => this.#broadcast(self, message),
        attempt: (ballot, { contributions }) => {
          // the exchange reads every contribution of the set; one of a crashed peer may or may not have been read
          this.#later(self, () => {
            const gone = contributions.map(({ peer }) => peer).filter((peer) => !this.alive.has(peer))
            if (gone.length > 0 && this.#random.below(2) === 0) return agreement.failed(ballot, gone)
            const outcome = contributions.map(({ peer }) => peer).join('+')
            this.holds.get(self)?.add(outcome)
            agreement.completed(ballot, outcome)
          })
        },
        adopt: (ballot, { outcome }) => {
          this.#later(self, () => {
            if (![...this.alive].some((peer) => this.holds.get(peer)?.has(outcome))) return agreement.failed(ballot, [])
            this.holds.get(self)?.add(outcome)
            agreement.completed(ballot, outcome)
          })
        },
        abandon: () => {},
        opposed: () => {},
        divided: () => expect.fail('one member cannot make the others seem to differ'),
        pause: (ballot) => {
          const ends = this.#liar === undefined ? this.#events : this.#pauses
          ends.push({ to: self, run: () => agreement.settle(ballot) })
        },
        decide: (decision, holders) => {
          expect(this.decisions.has(self), 'decides once').toBe(false)
          this.decisions.set(self, decision)
          // as in the runtime, whoever hears of a round that is over asks and is told
          for (const peer of this.alive) {
            if (peer !== self) {
              this.#later(peer, (other) => other.learn(decision, holders), self)
            }
          }
        }
      }
    })
    this.agreements.set(self, agreement)
  }

  /** Something that only a liar says. It holds what it made up. */
  #lie(): void {
    const liar = this.#liar as PeerId
    const outcome = 'forged'
    this.holds.get(liar)?.add(outcome)
    const { members } = this
    const digest = this.#pick([DIGEST, INVENTED])
    const contributions = this.#pick([members, [liar]]).map((peer) => ({ ...manifest(peer), digest }))
    const proposal = { contributions, members, retired: [], evidence: [], finish: false }
    const own = members.indexOf(liar) + members.length * this.#random.below(3)
    const ballot = this.#random.below(3 * members.length)
    const lies: (() => void)[] = [
      () => this.#broadcast(liar, { kind: 'prepare', ballot: own }),
      () => this.#broadcast(liar, { kind: 'propose', ballot: own, proposal, outcome: this.#pick([null, outcome]) }),
      () => this.#broadcast(liar, { kind: 'promise', ballot: ballot + 1, accepted: { ballot, proposal, outcome } }),
      () => this.#broadcast(liar, { kind: 'accept', ballot, proposal: JSON.stringify(proposal), outcome }),
      () => {
        for (const peer of this.honest)
          this.#later(peer, (agreement) => agreement.learn({ ballot, proposal, outcome }, [liar]))
      }
    ]
    this.#pick(lies)()
  }

  #broadcast(from: PeerId, message: AgreementMessage): void {
    if (from === this.#liar && message.kind === 'propose') {
      if (this.#spent.has(message.ballot)) return
      this.#spent.add(message.ballot)
    }
    for (const to of this.members) {
      if (to === from) continue
      this.messages.set(message.kind, (this.messages.get(message.kind) ?? 0) + 1)
      this.#later(
        to,
        (agreement) => {
          const early = this.#early.get(to) as EarlyPromises
          if (message.kind === 'promise' && message.ballot > agreement.ballot) early.add(from, message)
          agreement.receive(from, message)
          for (const [peer, promise] of early.take(agreement.ballot)) agreement.receive(peer, promise)
        },
        from
      )
    }
  }

  #later(to: PeerId, run: (agreement: RoundAgreement) => void, from?: PeerId): void {
    this.#events.push({ to, run, from })
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]
  }
}

function manifest(peer: PeerId): ContributionManifest {
  return { peer, round: 0, digest: DIGEST, words: 1, length: 1, samples: 1, loss: 0 }
}

describe('agreement on a round', () => {
  it('takes one ballot and everybody when nothing goes wrong', () => {
    const world = new World(4, 1)
    world.run({ crashes: 0, falseSuspicions: 0 })
    for (const { ballot, outcome } of world.decisions.values()) {
      expect(ballot).toBe(0)
      expect(outcome).toBe('peer0+peer1+peer2+peer3')
    }
  })

  it.each([2, 3, 5, 8])('among %i costs no more messages than ARCHITECTURE.md says', (n) => {
    for (let seed = 0; seed < 50; seed++) {
      const world = new World(n, seed)
      world.run({ crashes: 0, falseSuspicions: 0 })
      const { propose, accept, ...others } = Object.fromEntries(world.messages)
      expect(propose).toBe(n - 1)
      expect(accept).toBeLessThanOrEqual(n * (n - 1))
      expect(others).toEqual({})
    }
  })

  it.each([
    [3, 1],
    [4, 1],
    [5, 2]
  ])('%i peers, %i crashes: all survivors decide the same in 2,000 schedules', (n, crashes) => {
    for (let seed = 0; seed < 2000; seed++) {
      const world = new World(n, seed)
      try {
        world.run({ crashes: seed % (crashes + 1), falseSuspicions: seed % 4 })
        const outcomes = new Set([...world.decisions.values()].map(({ outcome }) => outcome))
        expect(outcomes.size, 'one outcome').toBe(1)
        const [outcome] = outcomes
        expect(
          [...world.alive].some((peer) => world.holds.get(peer)?.has(outcome)),
          'a survivor holds it'
        ).toBe(true)
      } catch (error) {
        throw new Error(`schedule ${seed}`, { cause: error })
      }
    }
  })

  // as many as may forget what a majority accepted, so that somebody still knows it
  it.each([
    [3, 1],
    [4, 2],
    [5, 2],
    [7, 3]
  ])(
    '%i peers, %i of whom die and come back with nothing: whoever decided, now or before, decided the same',
    (n, crashes) => {
      for (let seed = 0; seed < 2000; seed++) {
        const world = new World(n, seed)
        try {
          world.run({ crashes, returns: crashes, falseSuspicions: seed % 3 })
          const all = [...world.earlier, ...world.decisions.values()]
          expect(new Set(all.map(({ outcome, proposal }) => `${outcome} ${JSON.stringify(proposal)}`)).size).toBe(1)
        } catch (error) {
          throw new Error(`schedule ${seed}`, { cause: error })
        }
      }
    }
  )

  it.each([
    [4, 0],
    [5, 1],
    [7, 2]
  ])('%i peers, %i crashes, one lies: the others decide what one of them made', (n, crashes) => {
    for (let seed = 0; seed < 1000; seed++) {
      const world = new World(n, seed, seed % n)
      try {
        world.run({ crashes: seed % (crashes + 1), falseSuspicions: 0, lies: 12 })
        const decided = world.honest.map((peer) => world.decisions.get(peer)!)
        for (const { proposal, outcome } of decided) {
          expect(outcome).toBe(proposal.contributions.map(({ peer }) => peer).join('+'))
          expect(proposal.contributions).toEqual(proposal.contributions.map(({ peer }) => manifest(peer)))
        }
      } catch (error) {
        throw new Error(`schedule ${seed}`, { cause: error })
      }
    }
  })

  it('begins no exchange of what a peer gave that is proved to lie', () => {
    const members = ['peer0', 'peer1', 'peer2']
    const done: unknown[] = []
    const note = (...what: unknown[]) => void done.push(what)
    const agreement = new RoundAgreement({
      self: 'peer1',
      votes: true,
      remembers: () => true,
      view: { number: 0, members },
      next: () => ({ members, retired: [], evidence: [], finish: false }),
      valid: () => true,
      plausible: () => true,
      nameOf: JSON.stringify,
      minimum: () => 1,
      effects: {
        send: note,
        attempt: note,
        adopt: note,
        opposed: () => {},
        divided: () => {},
        abandon: () => {},
        pause: () => {},
        decide: note
      }
    })
    const proposal = { contributions: members.map(manifest), members, retired: [], evidence: [], finish: false }
    agreement.exclude('peer2')
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal, outcome: null })
    expect(done).toEqual([[{ kind: 'failed', ballot: 0, peers: ['peer2'] }]])
    // what may be decided already is another matter
    agreement.receive('peer0', { kind: 'propose', ballot: 3, proposal, outcome: 'x' })
    const accepted = { ballot: 0, proposal, outcome: 'x' }
    agreement.receive('peer0', { kind: 'promise', ballot: 3, accepted })
    agreement.settle(3)
    expect(done.slice(1)).toEqual([
      [{ kind: 'promise', ballot: 3, accepted: null }],
      [3, { proposal, outcome: 'x' }, ['peer0']]
    ])
  })

  it('moves on from a coordinator whose own contribution is bad', () => {
    const world = new World(4, 3)
    for (const [peer, agreement] of world.agreements) {
      if (peer !== 'peer0') agreement.lose('peer0')
    }
    world.run({ crashes: 0, falseSuspicions: 0 })
    expect(new Set([...world.decisions.values()].map(({ outcome }) => outcome)).size).toBe(1)
  })
})

it.each([
  ['of another round', { ballot: 0, round: 9 }],
  ['of a later ballot', { ballot: 5, round: 0 }]
])('takes up nothing from a promise that no honest peer can have accepted: %s', (_, { ballot, round }) => {
  const members = ['peer0', 'peer1', 'peer2']
  const sent: AgreementMessage[] = []
  const rest = { members, retired: [], evidence: [], finish: false }
  const agreement = new RoundAgreement({
    self: 'peer1',
    votes: true,
    remembers: () => true,
    view: { number: 0, members },
    next: () => rest,
    valid: ({ contributions }) => contributions.every((given) => given.round === 0),
    plausible: () => true,
    nameOf: JSON.stringify,
    minimum: () => 1,
    effects: {
      send: (message) => void sent.push(message),
      attempt: () => {},
      adopt: () => {},
      opposed: () => {},
      divided: () => {},
      abandon: () => {},
      pause: () => {},
      decide: () => {}
    }
  })
  for (const peer of ['peer0', 'peer1']) agreement.manifest(manifest(peer))
  agreement.stalled()
  const proposal = { contributions: [{ ...manifest('peer2'), round }], ...rest }
  agreement.receive('peer2', { kind: 'promise', ballot: 1, accepted: { ballot, proposal, outcome: 'x' } })
  agreement.receive('peer0', { kind: 'promise', ballot: 1, accepted: null })
  expect(sent.filter(({ kind }) => kind === 'propose')).toMatchObject([
    { ballot: 1, outcome: null, proposal: { contributions: [{ peer: 'peer0' }, { peer: 'peer1' }] } }
  ])
})

const members = ['peer0', 'peer1', 'peer2', 'peer3']
const rest = { members, retired: [], evidence: [], finish: false }
const proposal = { contributions: members.map(manifest), ...rest }
const name = JSON.stringify(proposal)
const NOTHING = { kind: 'promise', ballot: 3, accepted: null } as const

/** The agreement of peer1 of four, and what it does. */
function peer1(plausible = true, votes = true) {
  const sent: AgreementMessage[] = []
  const done: unknown[] = []
  const agreement = new RoundAgreement({
    self: 'peer1',
    votes,
    remembers: () => true,
    view: { number: 0, members },
    next: () => rest,
    valid: () => true,
    plausible: () => plausible,
    nameOf: JSON.stringify,
    minimum: () => 1,
    effects: {
      send: (message) => void sent.push(message),
      attempt: (ballot) => void done.push(`makes ${ballot}`),
      adopt: (ballot, { outcome }) => void done.push(`adopts ${outcome} in ${ballot}`),
      opposed: () => {},
      divided: (outcomes) => void done.push(`differ by ${outcomes.join()}`),
      abandon: () => {},
      pause: () => {},
      decide: ({ outcome }, holders) => void done.push(`decides ${outcome} of ${holders.join()}`)
    }
  })
  return { agreement, sent, done }
}

describe('a member that lies', () => {
  it('has no outcome adopted in the first ballot, and its turn is over', () => {
    const { agreement, sent, done } = peer1()
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal, outcome: 'x' })
    expect(done).toEqual([])
    expect(sent[0]).toEqual({ kind: 'prepare', ballot: 1 })
  })

  it('has no outcome adopted that a majority cannot have accepted: it is made instead', () => {
    const { agreement, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.receive('peer3', { kind: 'propose', ballot: 3, proposal, outcome: 'x' })
    agreement.receive('peer3', { kind: 'promise', ballot: 3, accepted: { ballot: 0, proposal, outcome: 'x' } })
    expect(done).toEqual([])
    agreement.receive('peer2', NOTHING)
    // one of four says that it has it, and one is silent
    expect(done).toEqual(['makes 3'])
  })

  it('cannot say what others give before they do', () => {
    const { agreement, sent, done } = peer1()
    const invented = {
      ...proposal,
      contributions: members.map((peer) => ({ ...manifest(peer), digest: '1'.repeat(64) }))
    }
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal: invented, outcome: null })
    agreement.settle(0)
    expect([...sent, ...done]).toEqual([])
    // what this peer gives itself is the coordinator's lie, whatever others said
    agreement.manifest(manifest('peer1'))
    expect(sent).toEqual([{ kind: 'failed', ballot: 0, peers: ['peer0'] }])
  })

  it('cannot have members wait for what one that is gone gave, in any ballot', () => {
    const { agreement, sent, done } = peer1()
    for (const peer of ['peer0', 'peer1', 'peer3']) agreement.manifest(manifest(peer))
    agreement.lose('peer2')
    agreement.receive('peer3', { kind: 'propose', ballot: 3, proposal, outcome: 'x' })
    agreement.receive('peer3', { kind: 'promise', ballot: 3, accepted: { ballot: 0, proposal, outcome: 'x' } })
    agreement.receive('peer0', NOTHING)
    expect(done).toEqual([])
    expect(sent.at(-1)).toEqual({ kind: 'failed', ballot: 3, peers: ['peer2', 'peer3'] })
  })

  it('cannot have a contradicted contribution made with an outcome that nobody accepted', () => {
    const { agreement, sent, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    const other = { ...proposal, contributions: [manifest('peer1'), { ...manifest('peer2'), loss: 7 }] }
    agreement.receive('peer3', { kind: 'propose', ballot: 3, proposal: other, outcome: 'x' })
    for (const peer of ['peer2', 'peer3']) agreement.receive(peer, NOTHING)
    expect(done).toEqual([])
    expect(sent.at(-1)).toEqual({ kind: 'failed', ballot: 3, peers: ['peer2', 'peer3'] })
  })

  it('makes nobody propose again what it says that it accepted', () => {
    const { agreement, sent } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.stalled()
    const lie = { ...proposal, contributions: [manifest('peer3')] }
    agreement.receive('peer3', { kind: 'promise', ballot: 1, accepted: { ballot: 0, proposal: lie, outcome: 'x' } })
    agreement.receive('peer2', { ...NOTHING, ballot: 1 })
    expect(sent.filter(({ kind }) => kind === 'propose')).toMatchObject([{ outcome: null, proposal }])
  })

  it('cannot tell a decision that no majority is proved to have accepted', () => {
    const { agreement, done } = peer1()
    const decision = { ballot: 3, proposal, outcome: 'x' }
    agreement.learn(decision, ['peer3', 'peer3', 'stranger', 'another'])
    expect(done).toEqual([])
    // what it hears itself counts with what is proved
    agreement.receive('peer2', { kind: 'accept', ballot: 3, proposal: name, outcome: 'x' })
    agreement.learn(decision, ['peer3', 'peer0'])
    expect(done).toEqual(['decides x of peer2,peer3,peer0'])
  })

  it('gains nothing from accepts of another proposal with the same outcome', () => {
    const { agreement, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal, outcome: null })
    agreement.completed(0, 'x')
    for (const peer of ['peer0', 'peer2', 'peer3'])
      agreement.receive(peer, { kind: 'accept', ballot: 0, proposal: 'another', outcome: 'x' })
    expect(done).toEqual(['makes 0'])
    for (const peer of ['peer0', 'peer2'])
      agreement.receive(peer, { kind: 'accept', ballot: 0, proposal: name, outcome: 'x' })
    expect(done).toEqual(['makes 0', 'decides x of peer1,peer0,peer2'])
  })

  it('is left, after a moment, with a proposal that the others would not make', () => {
    const { agreement, sent, done } = peer1(false)
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal, outcome: null })
    // what it knows may still come here
    expect(sent).toEqual([])
    agreement.settle(0)
    expect(done).toEqual([])
    expect(sent).toEqual([{ kind: 'failed', ballot: 0, peers: ['peer0'] }])
  })
})

describe('outcomes of one exchange that differ', () => {
  const accept = (ballot: number, outcome: string) => ({ kind: 'accept', ballot, proposal: name, outcome }) as const

  it('at more members than may lie end the ballot at once, and the round in the third', () => {
    const { agreement, sent, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    for (const [ballot, coordinator] of [
      [0, 'peer0'],
      [1, 'peer1'],
      [2, 'peer2']
    ] as const) {
      if (ballot === 2) agreement.receive('peer2', { kind: 'prepare', ballot })
      for (const peer of members) {
        const accepted = ballot === 0 ? null : { ballot: ballot - 1, proposal, outcome: peer }
        if (ballot > 0 && peer !== 'peer1') agreement.receive(peer, { kind: 'promise', ballot, accepted })
      }
      if (ballot !== 1) agreement.receive(coordinator, { kind: 'propose', ballot, proposal, outcome: null })
      agreement.completed(ballot, 'peer1')
      agreement.receive('peer2', accept(ballot, 'peer2'))
      expect(agreement.ballot).toBe(ballot)
      agreement.receive('peer3', accept(ballot, 'peer3'))
      agreement.receive('peer0', accept(ballot, 'peer0'))
    }
    expect(done).toEqual(['makes 0', 'makes 1', 'makes 2', 'differ by peer1,peer2,peer3'])
    expect(sent.filter(({ kind }) => kind === 'prepare')).toEqual([{ kind: 'prepare', ballot: 1 }])
  })

  it('at so many as may lie end nothing', () => {
    const { agreement, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.receive('peer0', { kind: 'propose', ballot: 0, proposal, outcome: null })
    agreement.receive('peer3', accept(0, 'lie'))
    agreement.receive('peer3', accept(0, 'another'))
    agreement.completed(0, 'x')
    agreement.receive('peer2', accept(0, 'x'))
    expect([agreement.ballot, ...done]).toEqual([0, 'makes 0'])
    agreement.receive('peer0', accept(0, 'x'))
    expect(done).toEqual(['makes 0', 'decides x of peer1,peer2,peer0'])
  })

  const torn = (agreement: RoundAgreement, ballot: number, peers: readonly PeerId[]) => {
    for (const peer of peers) agreement.receive(peer, accept(ballot, peer))
  }
  const prepares = (sent: readonly AgreementMessage[]) =>
    sent.flatMap((message) => (message.kind === 'prepare' ? [message.ballot] : []))

  it('are known by promises too, for an accept may be lost', () => {
    const { agreement, sent } = peer1()
    torn(agreement, 0, ['peer2', 'peer3'])
    expect(prepares(sent)).toEqual([])
    const accepted = { ballot: 0, proposal, outcome: 'peer0' }
    agreement.receive('peer0', { kind: 'promise', ballot: 4, accepted })
    expect(prepares(sent)).toEqual([1])
  })

  it('of a ballot that this peer has not heard of yet are not its end', () => {
    const { agreement, sent } = peer1()
    torn(agreement, 4, ['peer0', 'peer2', 'peer3'])
    expect(prepares(sent)).toEqual([5])
  })

  it('make the next one begin when the successor is gone', () => {
    const { agreement, sent } = peer1()
    torn(agreement, 7, ['peer0', 'peer2', 'peer3'])
    agreement.receive('peer3', { kind: 'prepare', ballot: 7 })
    expect(prepares(sent)).toEqual([])
    agreement.lose('peer0')
    expect(prepares(sent)).toEqual([9])
  })

  it('end the round also when the votes of those that are gone are missing, after as many time-outs', () => {
    const { agreement, done } = peer1()
    for (const peer of members) agreement.manifest(manifest(peer))
    agreement.lose('peer3')
    for (const ballot of [0, 4, 8]) {
      if (ballot > 0) agreement.receive('peer0', { kind: 'prepare', ballot })
      const accepted = (outcome: PeerId) => (ballot === 0 ? null : { ballot: ballot - 4, proposal, outcome })
      for (const peer of ['peer0', 'peer2'])
        agreement.receive(peer, { kind: 'promise', ballot, accepted: accepted('peer0') })
      agreement.receive('peer0', { kind: 'propose', ballot, proposal, outcome: null })
      agreement.settle(ballot)
      agreement.completed(ballot, 'peer1')
      // two agree, and the third vote is missing
      for (const peer of ['peer0', 'peer2']) agreement.receive(peer, accept(ballot, 'peer0'))
      expect(done.filter((each) => String(each).startsWith('differ'))).toEqual([])
      agreement.stalled()
    }
    expect(done.at(-1)).toBe('differ by peer1,peer0,peer0')
  })

  it('are heard by who may not vote, who leads nothing', () => {
    const { agreement, sent, done } = peer1(true, false)
    for (const ballot of [0, 4, 8]) torn(agreement, ballot, ['peer0', 'peer2', 'peer3'])
    expect(sent).toEqual([])
    expect(done).toEqual(['differ by peer0,peer2,peer3'])
  })

  it('of a member that says another one each time are kept once', () => {
    const accepts = new Accepts()
    for (let index = 0; index < 1000; index++) accepts.add(0, 'peer3', { proposal: name, outcome: `${index}` })
    expect(accepts.outcomes(0, name)).toBe(1)
    accepts.forget('peer3')
    expect(accepts.outcomes(0, name)).toBe(0)
  })
})
