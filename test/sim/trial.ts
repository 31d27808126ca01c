import { PeergradError, quorum } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'
import { watched, watchTransfers, type Moment } from './moments.js'
import { viewAt } from './presence.js'
import type { Fault, Scenario } from './scenario.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

/** A time in which a peer is not there for the others, whatever the reason. `to` is Infinity for good. */
export interface Absence {
  readonly peer: string
  readonly why: Fault['kind']
  readonly from: number
  to: number
}

export type Ending = { readonly result: PeerResult } | { readonly error: PeergradError } | undefined

/** What a scenario came to, for laws and measures to look at. */
export interface Outcome {
  readonly scenario: Scenario
  /** every life of every peer, in the order in which they began */
  readonly lives: readonly Life[]
  readonly absences: readonly Absence[]
  /** virtual milliseconds at which the last peer was done, or at which it was given up */
  readonly end: number
  /** faults whose moment never came */
  readonly missed: readonly Fault[]
  /** the simulation itself broke */
  readonly broken?: string
}

export interface Life {
  readonly name: string
  readonly began: number
  readonly events: SimulatedPeer['events']
  /** it was killed, or a newer one took its place */
  readonly ended: boolean
  /** how it ended by itself, and when; undefined when it did not */
  readonly ending: Ending
  readonly endedAt: number | undefined
}

/** Virtual milliseconds after which nobody waits any more: longer than a minority's patience. */
const LIMIT = 200_000
/** Milliseconds after which a process that found nobody is started again, as a supervisor does; and how often. */
const RESTART = 1000
const RESTARTS = 20
/** bytes a second: a vector of 6,000 bytes takes 3 ms */
const BANDWIDTH = 2e6

/** Runs a scenario to its end. */
export async function runTrial(scenario: Scenario): Promise<Outcome> {
  const trial = new Trial(scenario)
  try {
    return await trial.run()
  } finally {
    trial.simulation.stop()
  }
}

class Trial {
  readonly simulation: Simulation
  readonly #scenario: Scenario
  readonly #absences: Absence[] = []
  readonly #began = new Map<SimulatedPeer, number>()
  readonly #endings = new Map<SimulatedPeer, Ending>()
  readonly #endedAt = new Map<SimulatedPeer, number>()
  /** faults that wait for their moment */
  readonly #awaited = new Set<Fault>()
  /** parts that are broken, by peer */
  readonly #crashed = new Map<string, 'store' | 'engine'>()
  readonly #restarts = new Map<string, number>()
  /** starts that are still to come */
  #coming = 0

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    const { seed, strategy, peers, rounds, deadline, grace } = scenario
    const manifest = { ...scenario.manifest, seed, strategy, peers, rounds, deadline, grace }
    this.simulation = new Simulation(manifest, { seed, latency, bandwidth: BANDWIDTH })
    watchTransfers(this.simulation, (life, moment) => void this.#reached(life, moment))
  }

  async run(): Promise<Outcome> {
    const { peers, faults, newcomers } = this.#scenario
    const { simulation } = this
    for (let index = 0; index < peers; index++) this.#start(index)
    newcomers.forEach((at, index) => this.#startLater(peers + index, at))
    for (const fault of faults) {
      if (!('when' in fault)) continue
      if ('at' in fault.when) simulation.clock.after(fault.when.at, () => this.#strike(fault))
      else this.#awaited.add(fault)
    }
    const over = () => this.#coming === 0 && [...simulation.peers.values()].every((life) => this.#endings.has(life))
    let broken: string | undefined
    try {
      await simulation.when(over, { limit: LIMIT })
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.message.startsWith('nothing '))) {
        broken = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      }
    }
    return {
      scenario: this.#scenario,
      lives: simulation.lives.map((life) => ({
        name: life.name,
        began: this.#began.get(life) ?? 0,
        events: life.events,
        ended: simulation.peers.get(life.name) !== life,
        ending: this.#endings.get(life),
        endedAt: this.#endedAt.get(life)
      })),
      absences: this.#absences,
      end: simulation.clock.now(),
      missed: [...this.#awaited],
      ...(broken !== undefined && { broken })
    }
  }

  #start(index: number): void {
    const { simulation } = this
    const name = peerName(index)
    const { faults, compute } = this.#scenario
    const skew = faults.find((fault) => fault.kind === 'skew' && fault.peer === index)
    const disk = faults.some((fault) => fault.kind === 'disk' && fault.peer === index)
    this.#crashed.delete(name)
    const others = [...simulation.peers.keys()].filter((other) => other !== name)
    others.sort((a, b) => Number(simulation.isSuspended(a)) - Number(simulation.isSuspended(b)))
    const life: SimulatedPeer = simulation.start(name, {
      ...(simulation.lives.length > 0 && { via: others }),
      milliseconds: compute,
      disguise: this.#disguise(index, (moment) => this.#reached(life, moment)),
      ...(skew?.kind === 'skew' && { skew: skew.by }),
      // no file can be made below a file that is a device
      ...(disk && { checkpoints: '/dev/full/checkpoints' })
    })
    this.#began.set(life, simulation.clock.now())
    life.result.then(
      (result) => this.#ended(life, { result }),
      (thrown: unknown) => this.#ended(life, { error: PeergradError.from(thrown) })
    )
  }

  /** Unless all others are done by then. */
  #startLater(index: number, delay: number): void {
    this.#coming += 1
    this.simulation.clock.after(delay, () => {
      this.#coming -= 1
      if (this.#somebodyRuns()) this.#start(index)
    })
  }

  #somebodyRuns(): boolean {
    return [...this.simulation.peers.values()].some((life) => !this.#endings.has(life))
  }

  #ended(life: SimulatedPeer, ending: Ending): void {
    const { name, events } = life
    if (this.simulation.peers.get(name) !== life) return
    this.#endings.set(life, ending)
    this.#endedAt.set(life, this.simulation.clock.now())
    const crash = this.#scenario.faults.find((fault) => fault.kind === 'crash' && peerName(fault.peer) === name)
    if (crash?.kind === 'crash' && this.#crashed.has(name)) {
      if (crash.back !== undefined) this.#return(crash.peer, crash.back)
      return
    }
    const found = events.some(({ type }) => type === 'view')
    const restarts = this.#restarts.get(name) ?? 0
    if (found || ending === undefined || 'result' in ending || restarts >= RESTARTS) return
    if (!['unreachable', 'timeout'].includes(ending.error.code)) return
    this.#restarts.set(name, restarts + 1)
    this.#startLater(indexOf(name), RESTART)
  }

  /** A moment of a peer has come: faults that waited for it strike. */
  #reached(life: SimulatedPeer, moment: Moment): Promise<void> | undefined {
    for (const fault of this.#awaited) {
      if (!('peer' in fault && 'when' in fault && 'moment' in fault.when)) continue
      const { when } = fault
      if (peerName(fault.peer) !== life.name || when.moment !== moment || roundOf(life) < when.round) continue
      this.#awaited.delete(fault)
      this.#strike(fault)
    }
    return this.simulation.runs(life)
  }

  #strike(fault: Fault): void {
    const { simulation } = this
    switch (fault.kind) {
      case 'kill': {
        if (!this.#isRunning(fault.peer)) return
        simulation.kill(peerName(fault.peer))
        this.#absent(fault, fault.peer, Infinity)
        if (fault.back !== undefined) this.#return(fault.peer, fault.back)
        return
      }
      case 'stop': {
        if (!this.#isRunning(fault.peer)) return
        const name = peerName(fault.peer)
        const life = simulation.peers.get(name)
        simulation.suspend(name)
        this.#absent(fault, fault.peer, fault.lasts)
        simulation.clock.after(fault.lasts, () => simulation.peers.get(name) === life && simulation.resume(name))
        return
      }
      case 'crash': {
        if (!this.#isRunning(fault.peer)) return
        const name = peerName(fault.peer)
        this.#crashed.set(name, fault.part)
        this.#absent(fault, fault.peer, Infinity)
        return
      }
      case 'partition': {
        const heal = simulation.network.partition(fault.groups.map((group) => group.map(peerName)))
        const members = viewAt(simulation, simulation.clock.now())
        for (const group of fault.groups) {
          const here = group.filter((peer) => members.includes(peerName(peer)))
          if (here.length < quorum(members.length)) for (const peer of group) this.#absent(fault, peer, fault.lasts)
        }
        simulation.clock.after(fault.lasts, heal)
        return
      }
      case 'one-way': {
        const [a, b] = [peerName(fault.from), peerName(fault.to)]
        const heal = simulation.network.impose({ blocked: true }, (from, to) => from === a && to === b)
        simulation.clock.after(fault.lasts, heal)
        return
      }
      case 'links': {
        const peers = fault.of === 'all' ? undefined : fault.of.map(peerName)
        const where = (from: string, to: string) => peers === undefined || peers.includes(from) || peers.includes(to)
        simulation.clock.after(fault.lasts, simulation.network.impose(fault.conditions, where))
      }
    }
  }

  #isRunning(index: number): boolean {
    const life = this.simulation.peers.get(peerName(index))
    return life !== undefined && !this.#endings.has(life)
  }

  #return(index: number, delay: number): void {
    for (const absence of this.#absences) {
      if (absence.peer === peerName(index) && absence.to === Infinity) absence.to = this.simulation.clock.now() + delay
    }
    this.#startLater(index, delay)
  }

  #absent({ kind }: Fault, index: number, lasts: number): void {
    const from = this.simulation.clock.now()
    this.#absences.push({ peer: peerName(index), why: kind, from, to: from + lasts })
  }

  /** Wrappers around those that need some. */
  #disguise(index: number, reached: (moment: Moment) => Promise<void> | undefined): Disguise {
    const name = peerName(index)
    const mine = this.#scenario.faults.filter((fault) => 'peer' in fault && fault.peer === index)
    const waits = mine.some((fault) => 'when' in fault && 'moment' in fault.when)
    const crashes = mine.some(({ kind }) => kind === 'crash')
    const disguise = waits ? watched(this.simulation, reached) : {}
    if (!crashes) return disguise
    const broken = <T extends object>(part: 'store' | 'engine', honest: T): T =>
      breakable(honest, part, () => this.#crashed.get(name) === part)
    return {
      ...disguise,
      store: (honest) => broken('store', disguise.store?.(honest) ?? honest),
      engine: (honest) => broken('engine', disguise.engine?.(honest) ?? honest)
    }
  }
}

/** Every method rejects with `crashed` once it is broken. */
function breakable<T extends object>(honest: T, part: string, isBroken: () => boolean): T {
  return new Proxy(honest, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (!isBroken() || key === 'close') return Reflect.apply(value, target, args)
        const error = new PeergradError('crashed', `${part}: crashed, as the scenario says`)
        if (key === 'lease') throw error
        return Promise.reject(error)
      }
    }
  })
}

/** The round that a life is in. */
function roundOf({ events }: SimulatedPeer): number {
  const last = events.findLast(({ type }) => type === 'round' || type === 'healed')
  if (last?.type === 'round') return last.round + 1
  return last?.type === 'healed' ? last.round : 0
}

function indexOf(name: string): number {
  return name.charCodeAt(4) - 65
}

/** 1 to 4 ms, so that what is sent to all arrives at different times. */
function latency(from: string, to: string): number {
  return 1 + ((indexOf(from) * 5 + indexOf(to) * 3) % 4)
}
