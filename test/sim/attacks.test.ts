import { loadPlugin, replace, resolvePlugin, type ControlMessage, type Disguise, type WireAttack } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'
import { attacks, disguiseOf } from '@peergrad/strategies'
import { afterEach, describe, expect, it } from 'vitest'
import { changes, overheard, type Deed } from './deeds.js'
import { peerName, Simulation, type SimulatedPeer } from './swarm.js'

const ROUNDS = 4
/** Milliseconds. */
const DEADLINE = 400
const PEERS = 5
const RUN = {
  peers: PEERS,
  rounds: ROUNDS,
  minibatches: 1,
  deadline: DEADLINE,
  strategy: 'all-gather',
  optimiser: { name: 'sgd', learningRate: 0.5 }
} as const
/** Two of five: a minority, that is accomplices. */
const HOSTILE = [3, 4]

let simulation: Simulation
afterEach(() => simulation.stop())

type Run = Partial<Simulation['manifest']>
type Propose = Extract<ControlMessage, { kind: 'propose' }>

interface Played {
  readonly honest: readonly SimulatedPeer[]
  readonly results: readonly PeerResult[]
  /** of the last model; infinite where the run broke down */
  readonly loss: number
  readonly hashes: ReadonlySet<string>
  /** of each hostile peer */
  readonly deeds: readonly (readonly Deed[])[]
}

const ALWAYS = { start: 0, stop: Infinity, every: 1, targets: [] }

/** Disguises by hostile rank, none without an attack, and what the peers do that wear them. */
async function armed(text: string | undefined, schedule = ALWAYS) {
  const attack = text === undefined ? undefined : await loadPlugin('attack', resolvePlugin(attacks, text))
  const all = HOSTILE.map((rank) => {
    const accomplices = HOSTILE.filter((other) => other !== rank).map(peerName)
    const disguise = attack && disguiseOf(attack, { self: peerName(rank), accomplices, schedule })
    return { rank, ...overheard(disguise) }
  })
  const disguises = Object.fromEntries(all.map(({ rank, disguise }) => [rank, disguise]))
  return { disguises, deeds: all.map(({ deeds }) => deeds) }
}

async function play(text: string | undefined, run: Run = {}, schedule = ALWAYS): Promise<Played> {
  simulation?.stop()
  simulation = new Simulation({ ...RUN, ...run })
  const { disguises, deeds } = await armed(text, schedule)
  const peers = simulation.startAll(disguises)
  const honest = peers.filter((_, rank) => !HOSTILE.includes(rank))
  const ends = await simulation.until(Promise.allSettled(honest.map(({ result }) => result)))
  const results = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  const losses = results.map(({ loss = Infinity }) => (Number.isNaN(loss) ? Infinity : loss))
  return {
    honest,
    results,
    loss: results.length < honest.length ? Infinity : Math.max(...losses),
    hashes: new Set(results.map(({ parametersHash }) => parametersHash)),
    deeds
  }
}

const honestly = new Map<string, Promise<Played>>()
/** The run without attack, played once. */
function clean(run: Run = {}): Promise<Played> {
  const key = JSON.stringify(run)
  const played = honestly.get(key) ?? play(undefined, run)
  honestly.set(key, played)
  return played
}

/** The run with the attack: whatever becomes of it, each hostile peer does something else than without. */
async function attacked(text: string, run: Run = {}): Promise<Played> {
  const honest = await clean(run)
  const played = await play(text, run)
  for (const change of changed(played, honest)) expect(change).not.toEqual({})
  return played
}

/** What each hostile peer does otherwise than in the clean run. */
function changed(played: Played, honest: Played): Record<string, number>[] {
  return played.deeds.map((deeds, index) => changes(deeds, honest.deeds[index]!))
}

function contributors({ honest }: Played): string[] {
  return honest.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? event.contributors : [])))
}

function refusals({ honest }: Played): string[] {
  const seen = honest.flatMap(({ events }) => events.flatMap((event) => (event.type === 'refused' ? [event] : [])))
  return [...new Set(seen.map(({ other, offence }) => `${other} ${offence}`))].sort()
}

const hostileNames = HOSTILE.map(peerName)
const refusedFor = (offence: string) => hostileNames.map((name) => `${name} ${offence}`)

/** All honest peers ended all rounds, with one model. */
function expectWhole({ results, hashes }: Played): void {
  expect(results.map(({ status, rounds }) => [status, rounds])).toEqual(Array(3).fill(['finished', ROUNDS]))
  expect(hashes.size).toBe(1)
}

describe('lies in the numbers', () => {
  it.each([
    'sign-flip:factor=3',
    'sign-flip:of=own,factor=10',
    'ipm',
    'optimal-ipm',
    'optimal-alie',
    'gaussian:sigma=10',
    'gaussian:sigma=10,additive=true',
    'scaling:factor=-10',
    'huge'
  ])('%s ruins the mean, and the median holds', async (attack) => {
    const undefended = await attacked(attack)
    const defended = await attacked(attack, { aggregator: 'median' })
    expectWhole(defended)
    expect(contributors(defended)).toEqual(expect.arrayContaining(hostileNames))
    expect(defended.loss).toBeLessThan(0.03)
    expect(undefended.loss).toBeGreaterThan(10 * defended.loss)
  })

  // honest gradients differ here by their noise alone, and what hides in their spread can do no more than that
  it.each(['alie', 'alie:tau=auto', 'min-max', 'min-sum', 'mimic'])(
    '%s stays in the spread of the honest ones, where those agree it does no harm',
    async (attack) => {
      for (const aggregator of ['mean', 'median']) {
        const played = await attacked(attack, { aggregator })
        expectWhole(played)
        expect(contributors(played)).toEqual(expect.arrayContaining(hostileNames))
        expect(played.loss).toBeLessThan(3 * (await clean({ aggregator })).loss)
      }
    }
  )

  it.each(['zero', 'stale'])('%s slows the mean down, and the median hardly', async (attack) => {
    const { loss } = await clean()
    const undefended = await attacked(attack)
    const defended = await attacked(attack, { aggregator: 'median' })
    for (const played of [undefended, defended]) {
      expectWhole(played)
      expect(contributors(played)).toEqual(expect.arrayContaining(hostileNames))
    }
    expect(undefended.loss).toBeGreaterThan(10 * loss)
    expect(undefended.loss).toBeLessThan(0.2)
    expect(defended.loss).toBeLessThan(4 * loss)
  })

  // a copy of the last update is momentum, which is of use here: a run without defence is not hurt
  it.each(['mean', 'median'])('free-rider does no harm, under the %s either', async (aggregator) => {
    const played = await attacked('free-rider', { aggregator })
    expectWhole(played)
    expect(contributors(played)).toEqual(expect.arrayContaining(hostileNames))
    expect(played.loss).toBeLessThan((await clean({ aggregator })).loss)
  })

  it('an attack that hurries knows the honest vectors whole, also where they travel in parts', async () => {
    const whole = await attacked('sign-flip:factor=3')
    const parts = await attacked('sign-flip:factor=3', { strategy: 'scatter-reduce' })
    expect(parts.hashes).toEqual(whole.hashes)
  })

  it('plays in the rounds of its schedule', async () => {
    const attack = await loadPlugin('attack', resolvePlugin(attacks, 'huge'))
    const schedule = { start: 1, stop: 2, every: 1, targets: [] }
    simulation = new Simulation({ ...RUN, aggregator: 'median' })
    const disguise = disguiseOf(attack, { self: peerName(4), accomplices: [], schedule })
    simulation.startAll({ 4: disguise })
    const [{ parametersHash: after }] = (await simulation.results()) as [PeerResult]
    simulation.stop()
    simulation = new Simulation({ ...RUN, aggregator: 'median', rounds: 1 })
    simulation.startAll({ 4: disguise })
    const [{ parametersHash: before }] = (await simulation.results()) as [PeerResult]
    expect((await clean({ aggregator: 'median', rounds: 1 })).hashes).toEqual(new Set([before]))
    expect((await clean({ aggregator: 'median' })).hashes).not.toContain(after)
  })

  it('dissensus pulls the models of gossip apart', async () => {
    const { loss } = await clean({ strategy: 'gossip' })
    const pulled = await attacked('dissensus:epsilon=6', { strategy: 'gossip' })
    expectWhole(pulled)
    expect(pulled.loss).toBeGreaterThan(2 * loss)
  })
})

describe('lies in the payload', () => {
  // what is checked before any rule cannot be left out, so there is no run without it to be hurt
  it.each([
    ['nan', refusedFor('non-finite')],
    ['infinity', refusedFor('non-finite')],
    ['wrong-shape', []],
    ['wrong-dtype', refusedFor('wrong-length')],
    ['bomb', refusedFor('wrong-length')],
    ['wrong-digest', refusedFor('wrong-digest')],
    ['truncated', []],
    ['longer', []],
    ['withhold', []]
  ])('%s is in no round', async (attack, expected) => {
    const played = await attacked(attack)
    expectWhole(played)
    const seen = contributors(played)
    for (const name of hostileNames) expect(seen).not.toContain(name)
    expect(refusals(played)).toEqual(expect.arrayContaining(expected))
  })

  it.each(['nan', 'infinity'])(
    '%s is stopped by the others and not by what it gives, whatever its rank is',
    async (text) => {
      const attack = await loadPlugin('attack', resolvePlugin(attacks, text))
      for (const rank of [0, 1, 2, 3, 4]) {
        simulation?.stop()
        simulation = new Simulation(RUN)
        const disguise = disguiseOf(attack, { self: peerName(rank), accomplices: [], schedule: ALWAYS })
        const peers = simulation.startAll({ [rank]: disguise })
        const ends = await simulation.until(Promise.allSettled(peers.map(({ result }) => result)))
        for (const [other, end] of ends.entries()) {
          if (other !== rank) expect(end.status).toBe('fulfilled')
          else if (end.status === 'rejected') expect(end.reason).not.toMatchObject({ code: 'non-finite' })
        }
      }
    }
  )

  it('a bomb among sparse vectors is refused as malformed', async () => {
    const played = await attacked('bomb', { strategy: 'mlless', filter: 'significant:v=0.5' })
    expectWhole(played)
    expect(refusals(played)).toEqual(expect.arrayContaining(refusedFor('malformed')))
  })
})

// what bears these is the agreement and the network of every run, so there is no run without it to be hurt first; where a
// majority lies it does not bear them
describe('lies in the protocol', () => {
  it('false suspicion takes an honest peer out where those who suspect it are a majority', async () => {
    simulation = new Simulation(RUN)
    const attack = await loadPlugin('attack', resolvePlugin(attacks, 'false-suspicion'))
    const disguises = [2, 3, 4].map((rank) => {
      const accomplices = [2, 3, 4].filter((other) => other !== rank).map(peerName)
      return [rank, disguiseOf(attack, { self: peerName(rank), accomplices, schedule: ALWAYS })] as const
    })
    const [first] = simulation.startAll(Object.fromEntries(disguises))
    await simulation.when(() => first!.events.some((event) => event.type === 'lost' && event.other === peerName(1)))
  })

  it.each([
    ['double-ready', { 'accept again': ROUNDS, 'accept new': ROUNDS }],
    ['false-suspicion', { 'suspicions new': ROUNDS }],
    // of all rounds before, in each of four
    ['replay', { 'manifest again': 1 + 2 + 3, 'accept again': 1 + 2 + 3 }],
    ['eclipse', { 'suspicions new': ROUNDS, 'served missing': ROUNDS }]
  ])('%s changes nothing: the run ends with the bits of one without attack', async (attack, change) => {
    const played = await attacked(attack)
    expect(changed(played, await clean())).toEqual(HOSTILE.map(() => change))
    expectWhole(played)
    expect(played.hashes).toEqual((await clean()).hashes)
  })

  it('an eclipse is over when its schedule is', async () => {
    const honest = await clean()
    const played = await play('eclipse', {}, { ...ALWAYS, start: 1, stop: 2 })
    expect(changed(played, honest)).toEqual(HOSTILE.map(() => ({ 'suspicions new': 1, 'served missing': 1 })))
  })

  it.each<[claim: string, isLie: (propose: Propose) => boolean]>([
    ['outcome', ({ outcome }) => outcome !== null],
    ['alone', ({ proposal }) => proposal.contributions.length === 1],
    ['invented', ({ proposal: { contributions: given } }) => given[0]!.digest === given[1]?.digest],
    ['without', ({ proposal }) => !proposal.members.includes(peerName(0))],
    ['stranger', ({ proposal }) => proposal.members.length > PEERS]
  ])('a usurper with claim %s takes no round over', async (claim, isLie) => {
    const played = await attacked(`usurper:claim=${claim}`)
    const lies = played.deeds.flat().filter((deed) => deed.kind === 'propose' && isLie(deed)) as Propose[]
    expect(new Set(lies.map(({ round }) => round)).size).toBe(ROUNDS)
    expectWhole(played)
    expect(played.loss).toBeLessThan(2 * (await clean()).loss)
    const honest = played.honest.map(({ name }) => name)
    for (const { events } of played.honest) {
      for (const event of events)
        if (event.type === 'round') expect(event.contributors).toEqual(expect.arrayContaining(honest))
      const views = events.flatMap((event) => (event.type === 'view' ? [event.members] : []))
      expect(new Set(views.flat())).toEqual(new Set(Array.from({ length: PEERS }, (_, rank) => peerName(rank))))
    }
  })

  it.each(['impersonation', 'flood:messages=40'])(
    '%s costs the connections of who does it, and nobody else',
    async (attack) => {
      const played = await attacked(attack)
      expectWhole(played)
      for (const { events } of played.honest) {
        const last = events.findLast((event) => event.type === 'round')
        expect(last).toMatchObject({ contributors: played.honest.map(({ name }) => name) })
      }
    }
  )

  it.each(['mean', 'mean:weighted=true'])('inflated samples are in no round under %s', async (aggregator) => {
    const played = await attacked('inflated-samples', { aggregator })
    expectWhole(played)
    const seen = contributors(played)
    for (const name of hostileNames) expect(seen).not.toContain(name)
  })

  it('equivocation: at most one of both is in a round, the same everywhere, and both are kept as a proof', async () => {
    const played = await attacked('equivocation')
    expectWhole(played)
    for (const { events } of played.honest) {
      const told = events.flatMap((event) => (event.type === 'equivocated' ? [event.other] : []))
      expect(told).toEqual(expect.arrayContaining(hostileNames))
      for (const event of events) {
        if (event.type === 'round') expect(new Set(event.contributors).size).toBe(event.contributors.length)
      }
    }
  })

  it.each(['drop', 'delay:share=3', 'delay:share=0.9'])(
    '%s: a round ends within its deadline and grace',
    async (attack) => {
      // what is late is what it would be in time: the length of the rounds shows that it was
      const played = await play(attack)
      expectWhole(played)
      const late = attack !== 'delay:share=0.9'
      expect(contributors(played).includes(peerName(3))).toBe(!late)
      const { grace } = simulation.manifest
      for (const { events } of played.honest) {
        for (const event of events) {
          if (event.type !== 'round') continue
          expect(event.seconds).toBeGreaterThan((0.9 * DEADLINE) / 1000)
          expect(event.seconds).toBeLessThan((DEADLINE + grace) / 1000)
        }
      }
    }
  )

  it.each([
    ['is not believed where most donors tell the truth', 1, 0],
    ['that answers first is not believed before most have answered', 80, 0]
  ])('a lying donor %s', async (_, milliseconds, deceived) => {
    const name = peerName(PEERS)
    const isHonest = (peer: string) => !hostileNames.includes(peer)
    simulation = new Simulation(
      { ...RUN, rounds: 20 },
      { latency: (from, to) => (to === name && isHonest(from) ? milliseconds : 1) }
    )
    const { disguises, deeds } = await armed('lying-donor')
    const peers = simulation.startAll(disguises)
    const [first] = peers
    await simulation.when(() => first!.events.some((event) => event.type === 'round' && event.round >= 3))
    const newcomer = simulation.start(name)
    const honest = [...peers.filter((_, rank) => !HOSTILE.includes(rank)), newcomer]
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)

    const hashes = ({ events }: SimulatedPeer) =>
      events.flatMap((event) => (event.type === 'round' ? [event.parametersHash] : []))
    const truth = hashes(first!)
    expect(hashes(newcomer).filter((hash) => !truth.includes(hash))).toHaveLength(deceived)
    expect(truth).toContain(hashes(newcomer).at(-1))
    for (const each of deeds) {
      const given = each.flatMap((deed) => (deed.kind === 'donation' ? [deed.hash] : []))
      expect(given.length).toBeGreaterThan(0)
      for (const hash of given) expect(truth).not.toContain(hash)
    }
  })
})

describe('with worker momentum', () => {
  const MOMENTUM = { workerMomentum: 0.9 } as const

  /** First elements of what hostile peers serve. */
  async function served(text: string): Promise<number[]> {
    const seen: number[] = []
    const listening = Object.entries((await armed(text)).disguises).map(([rank, disguise]) => {
      const watched: Disguise = {
        ...disguise,
        mesh: (honest) =>
          disguise.mesh!(
            replace(honest, {
              serve(digest, vector) {
                seen.push(vector[0]!)
                honest.serve(digest, vector)
              }
            })
          )
      }
      return [rank, watched] as const
    })
    simulation?.stop()
    simulation = new Simulation({ ...RUN, ...MOMENTUM, aggregator: 'median' })
    simulation.startAll(Object.fromEntries(listening))
    await simulation.results()
    return seen
  }

  it('a hostile peer gives what it crafted, and not its momentum', async () => {
    const crafted = (await served('huge:value=7')).filter((value) => value === 7)
    // both serve what both gave
    expect(crafted).toHaveLength(ROUNDS * HOSTILE.length ** 2)
  })

  it('its own vector is what an honest peer would give', async () => {
    const honest = await clean(MOMENTUM)
    const same = await play('scaling:factor=1', MOMENTUM)
    expect(same.hashes).toEqual(honest.hashes)
    expect(changed(same, honest)).toEqual([{}, {}])
    expect((await attacked('scaling:factor=2', MOMENTUM)).hashes).not.toEqual(honest.hashes)
  })
})

describe('one process with several identities', () => {
  const WORD = { secret: Buffer.from('correct horse battery') }
  const NAMES = [3, 4, 5, 6].map(peerName)

  /** Three train; then as many more come as a process pretends to be. What becomes of the three. */
  async function come(admission: string) {
    const attack = (await loadPlugin('attack', resolvePlugin(attacks, 'sybil:identities=4,factor=3'))) as WireAttack
    simulation?.stop()
    simulation = new Simulation({ ...RUN, peers: 3, rounds: 40, aggregator: 'median', admission })
    const credentials = admission === 'secret' ? WORD : {}
    const honest = [0, 1, 2].map((rank) => simulation.start(peerName(rank), { credentials }))
    await simulation.when(() => honest[0]!.events.some((event) => event.type === 'round' && event.round === 2))
    expect(attack.identities).toBe(NAMES.length)
    for (const self of NAMES) {
      const accomplices = NAMES.filter((other) => other !== self)
      const disguise = disguiseOf(attack, { self, accomplices, schedule: ALWAYS })
      simulation.start(self, { disguise, via: [peerName(1)] }).result.catch(() => undefined)
    }
    const ends = await simulation.until(Promise.allSettled(honest.map(({ result }) => result)))
    const losses = ends.map((end) => (end.status === 'fulfilled' ? (end.value.loss ?? Infinity) : Infinity))
    const members = honest.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'view' ? event.members : []))
    )
    return { loss: Math.max(...losses), came: NAMES.filter((name) => members.includes(name)) }
  }

  it('takes an open run, and comes into none that asks for a secret', async () => {
    const open = await come('open')
    expect(open.came).toEqual(NAMES)
    const closed = await come('secret')
    expect(closed.came).toEqual([])
    expect(closed.loss).toBeLessThan(0.03)
    expect(open.loss).toBeGreaterThan(10 * closed.loss)
  })
})

describe('five honest peers in a ring with eleven hostile leaves', () => {
  const RING = { peers: 16, rounds: 10, optimiser: { name: 'sgd', learningRate: 0.3 } } as const
  const LEAVES = Array.from({ length: 11 }, (_, index) => 5 + index)
  const TARGET = Array.from({ length: 1496 }, (_, index) => Math.sin(index))

  /** Mean squared distance of the first honest peer's model from the optimum, before the last round makes one of all. */
  async function distance(strategy: string, aggregator: string, text: string): Promise<number> {
    const attack = await loadPlugin('attack', resolvePlugin(attacks, text))
    const armed: [number, Disguise][] = LEAVES.map((rank) => {
      const accomplices = LEAVES.filter((other) => other !== rank).map(peerName)
      return [rank, disguiseOf(attack, { self: peerName(rank), accomplices, schedule: ALWAYS })]
    })
    let found = NaN
    const watched: Disguise = {
      engine: (honest) =>
        replace(honest, {
          gradient(request) {
            found = TARGET.reduce((sum, value, i) => sum + (request.state[i]! - value) ** 2, 0) / TARGET.length
            return honest.gradient(request)
          }
        })
    }
    simulation?.stop()
    simulation = new Simulation({ ...RUN, ...RING, strategy, aggregator })
    const [first] = simulation.startAll({ 0: watched, ...Object.fromEntries(armed) })
    await simulation.until(first!.result)
    return found
  }

  it.each(['ipm:tau=0.1', 'dissensus:epsilon=1.5'])(
    '%s: clipped gossip holds where geometric median and trimmed mean do not',
    async (attack) => {
      const clipped = await distance('gossip:topology=sunlet,clip=1', 'mean', attack)
      expect(clipped).toBeLessThan(0.1)
      for (const rule of ['geometric-median', 'trimmed-mean:f=2']) {
        const broken = await distance('gossip:topology=sunlet,merge=rule', rule, attack)
        expect(broken).toBeGreaterThan(3 * clipped)
      }
    }
  )
})
