import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId } from '@peergrad/core'
import { Laws } from './laws.js'
import { PeerProcess, type SeenEvent } from './process.js'
import type { Moment, PeerSettings, Trap } from './protocol.js'

/** Where a peer runs. */
export interface Place {
  /** words in front of its command */
  readonly within: readonly string[]
  readonly settings: Pick<PeerSettings, 'listen' | 'transport' | 'fastLane'>
}

export interface RealSwarmInit {
  readonly strategy: string
  readonly peers: number
  /** more words of the command line that describe the run */
  readonly run?: PeerSettings['run']
  readonly settings?: Partial<PeerSettings>
  /** what peers do that are hostile, by their number, as --attack has it */
  readonly hostile?: Readonly<Record<number, string>>
  /** of Node */
  readonly flags?: readonly string[]
  /** no round of it is waited for */
  readonly idle?: boolean
  /** milliseconds after which what did not happen is a hang: six times a round's deadline here unless given */
  readonly hang?: number
  readonly place?: (number: number) => Place
}

export interface StartInit {
  readonly dieAt?: Moment
  readonly settings?: Partial<PeerSettings>
}

const HERE: Place = { within: [], settings: { listen: ['/ip4/127.0.0.1/tcp/0'] } }

/** Milliseconds that a peer waits for the others. */
const PATIENCE = 60_000

/** Real processes that train together, the faults that happen to them, and what must hold all the while. */
export class RealSwarm {
  readonly laws = new Laws()
  /** milliseconds after which what did not happen is a hang */
  hang: number
  readonly folder = mkdtempSync(join(tmpdir(), 'peergrad-faults-'))
  /** every life of every peer, in the order of their starts */
  readonly lives: PeerProcess[] = []
  readonly #init: RealSwarmInit
  readonly #began = Date.now()
  /** the newest life of each peer */
  readonly #newest: PeerProcess[] = []
  /** lives that may end */
  readonly #doomed = new Set<PeerProcess>()
  readonly #waiting = new Set<() => void>()
  #traps = 0

  private constructor(init: RealSwarmInit) {
    this.#init = init
    this.hang = init.hang ?? 60_000
  }

  /**
   * Starts the founder and then the others. Resolves when each is in a view of all, and has done a round in it; at once when
   * some are hostile.
   */
  static async start(init: RealSwarmInit): Promise<RealSwarm> {
    const swarm = new RealSwarm(init)
    try {
      const founder = swarm.start(0)
      await swarm.when('the founder listens', () => founder.addresses.length > 0)
      for (let number = 1; number < init.peers; number++) swarm.start(number)
      // whether a hostile peer is ever one of them is not sure
      if (init.hostile === undefined) await (init.idle === true ? swarm.together() : swarm.whole())
      return swarm
    } catch (error) {
      await swarm.close()
      throw error
    }
  }

  /** Peers that are there and not stopped. */
  get running(): PeerProcess[] {
    return this.#newest.filter(({ running }) => running)
  }

  /** The newest life of the peer that was started with this number. */
  peer(number: number): PeerProcess {
    return this.#newest[number]!
  }

  /** The peer with this rank in the newest view that anybody has. */
  rank(rank: number): PeerProcess {
    const views = this.running.flatMap((life) => life.last('view')?.event ?? [])
    const { members } = views.reduce((newest, view) => (view.number > newest.number ? view : newest))
    return this.#newest.find(({ peer }) => peer === members[rank])!
  }

  /** Starts a peer, or starts it again with its key. It joins through all that run; the very first founds the run. */
  start(number: number, { dieAt, settings = {} }: StartInit = {}): PeerProcess {
    const place = this.#init.place?.(number) ?? HERE
    const attack = this.#init.hostile?.[number]
    const life = new PeerProcess(
      {
        identity: join(this.folder, `key-${number}`),
        join: this.running.flatMap(({ addresses }) => addresses.slice(0, 1)),
        ...place.settings,
        run: {
          model: 'quadratic',
          dataset: 'none',
          optimizer: 'momentum',
          lr: 0.1,
          batch: 4,
          minibatches: 2,
          epochs: 1_000_000,
          'target-accuracy': 0.9,
          'min-peers': 1,
          deadline: 10,
          strategy: this.#init.strategy,
          peers: this.#init.peers,
          ...this.#init.run
        },
        engine: 'quadratic',
        length: 20_000,
        milliseconds: 50,
        memory: 64 << 20,
        patience: PATIENCE,
        ...(attack !== undefined && { attack }),
        ...(dieAt && { trap: this.#trap(dieAt) }),
        ...this.#init.settings,
        ...settings
      },
      { log: join(this.folder, `peer-${number}.log`), within: place.within, flags: this.#init.flags }
    )
    // of a hostile peer nothing is asked
    if (dieAt !== undefined || attack !== undefined) this.#doomed.add(life)
    this.#newest[number] = life
    this.lives.push(life)
    if (attack === undefined) life.on('event', ({ event }) => this.laws.see(event))
    life.on('news', () => this.#wake())
    return life
  }

  /** Starts the next life of a peer whose process is gone, with its key. */
  restart(life: PeerProcess, init?: StartInit): PeerProcess {
    return this.start(this.#newest.indexOf(life), init)
  }

  /** kill -9: from now on it is not among those that run. Returns the time of day. */
  kill(life: PeerProcess): number {
    this.expectDeath(life)
    const wall = Date.now()
    life.signal('SIGKILL')
    return wall
  }

  stop(life: PeerProcess): number {
    const wall = Date.now()
    life.signal('SIGSTOP')
    return wall
  }

  continue(life: PeerProcess): void {
    life.signal('SIGCONT')
    this.#wake()
  }

  /** The first of these peers that comes to the moment dies there. Resolves to it, once it is gone. */
  async dies(moment: Moment, lives: readonly PeerProcess[] = this.running): Promise<PeerProcess> {
    const trap = this.#trap(moment)
    for (const life of lives) {
      this.#doomed.add(life)
      life.tell({ type: 'trap', trap })
    }
    await this.when(`one of them dies: ${moment}`, () => lives.some(({ end }) => end !== undefined))
    const victim = lives.find(({ end }) => end !== undefined)!
    for (const life of lives) if (life !== victim) this.#doomed.delete(life)
    return victim
  }

  /** Waits until the process is gone. Returns the time of day. */
  async gone(life: PeerProcess): Promise<number> {
    await this.when(`${this.#name(life)} is gone`, () => life.end !== undefined)
    return life.end!.wall
  }

  /** What happens to the process is no broken law. */
  expectDeath(life: PeerProcess): void {
    this.#doomed.add(life)
  }

  /** Waits until all that run, or those given, have a view of exactly them. */
  async together(given?: readonly PeerProcess[]): Promise<void> {
    await this.when('they are in one view', () => this.#together(given ?? this.running))
  }

  /** Waits until all that run, or those given, have ended a round in a view of exactly them. */
  async whole(given?: readonly PeerProcess[]): Promise<void> {
    await this.when('they train in one view', () => {
      const lives = given ?? this.running
      const trains = (life: PeerProcess) =>
        (life.last('round')?.event.view ?? -1) >= (life.last('view')?.event.number ?? 0)
      return this.#together(lives) && lives.every(trains)
    })
  }

  /** Waits until these have ended so many more rounds. */
  async progress(rounds: number, lives = this.running): Promise<void> {
    const reached = (life: PeerProcess) => life.last('round')?.event.round ?? -1
    const goal = rounds + Math.max(...lives.map(reached))
    await this.when(`${rounds} more rounds`, () => lives.every((life) => reached(life) >= goal))
  }

  /** The peer with this id, for a person. */
  nameOf(id: PeerId): string {
    return `peer ${this.#newest.findIndex(({ peer }) => peer === id)}`
  }

  /** It was there from the start to the end. */
  survived(life: PeerProcess): boolean {
    return this.lives.indexOf(life) < this.#init.peers && !this.#doomed.has(life)
  }

  /** Every suspicion so far, as a sentence. */
  get suspicions(): string[] {
    return this.lives.flatMap((life) =>
      life.events.flatMap(({ event }) =>
        event.type === 'suspected' ? [`${this.#name(life)} suspects ${this.nameOf(event.other)}: ${event.reason}`] : []
      )
    )
  }

  /** Ends the run in order. All that run must finish, with one hash; of those that are expected to die nothing is asked. */
  async finish(): Promise<void> {
    const lives = this.running
    for (const life of lives) life.tell({ type: 'finish' })
    await this.when('all finish', () => lives.every(({ end }) => end !== undefined))
    const sound = lives.filter((life) => !this.#doomed.has(life))
    for (const life of sound) {
      if (life.result?.status !== 'finished') this.laws.broken.push(`${this.#name(life)} did not finish`)
    }
    const hashes = new Set(sound.map(({ result }) => result?.parametersHash))
    if (hashes.size !== 1) this.laws.broken.push(`the run ended with ${hashes.size} hashes`)
    this.#check()
  }

  /** Kills what is left. The logs of the peers can be kept. */
  async close({ keep = false } = {}): Promise<void> {
    for (const life of this.lives) {
      if (life.end === undefined) this.kill(life)
    }
    await Promise.all(this.lives.map(({ exited }) => exited))
    if (!keep) rmSync(this.folder, { recursive: true, force: true })
  }

  /** Waits until the condition holds: it is looked at whenever a peer says something. A broken law or a hang rejects. */
  async when(what: string, condition: () => boolean): Promise<void> {
    const limit = this.hang
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, limit)
    try {
      for (;;) {
        this.#check()
        if (condition()) return
        if (late) throw new Error(`a hang: ${what} did not come within ${limit / 1000} s\n${this.state()}`)
        await new Promise<void>((resolve) => this.#waiting.add(resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Where every peer stands, for a person. */
  state(): string {
    return this.#newest
      .map((life) => {
        const view = life.last('view')?.event
        const members = view?.members.map((id) => this.nameOf(id)).join(' ')
        const how = life.end !== undefined ? 'gone' : life.stopped ? 'stopped' : 'runs'
        const said = life.events.slice(-8).map((seen) => this.#short(seen))
        return `${this.#name(life)} (${how}, at ${((Date.now() - this.#began) / 1000).toFixed(1)} s): round ${life.last('round')?.event.round}, view ${view?.number} [${members}]\n    ${said.join('; ')}`
      })
      .join('\n')
  }

  #together(lives: readonly PeerProcess[]): boolean {
    const ids = new Set(lives.map(({ peer }) => peer))
    return lives.every((life) => {
      const members = life.last('view')?.event.members
      return members?.length === ids.size && members.every((id) => ids.has(id))
    })
  }

  #check(): void {
    const broken = [...this.laws.broken]
    for (const life of this.lives) {
      if (life.end === undefined || life.result !== undefined || this.#doomed.has(life)) continue
      const { code, signal } = life.end
      const why = life.failure?.message ?? `${signal ?? `code ${code}`}\n${life.lastLines()}`
      broken.push(`${this.#name(life)} ended by itself: ${why}`)
    }
    if (broken.length > 0) throw new Error(`${broken.join('\n')}\n${this.state()}`)
  }

  #trap(moment: Moment): Trap {
    return { moment, lock: join(this.folder, `trap-${this.#traps++}`) }
  }

  #name(life: PeerProcess): string {
    return `peer ${this.#newest.indexOf(life)}`
  }

  #short({ wall, event }: SeenEvent): string {
    const seconds = ((wall - this.#began) / 1000).toFixed(1)
    const reason = 'reason' in event ? ` (${event.reason})` : ''
    if ('other' in event) return `${seconds} s ${event.type} ${this.nameOf(event.other)}${reason}`
    if (event.type === 'round') return `${seconds} s round ${event.round}`
    if (event.type === 'view') return `${seconds} s view ${event.number}`
    return `${seconds} s ${event.type}${reason}`
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
