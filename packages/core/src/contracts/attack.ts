import type { Dataset, Split } from './dataset.js'
import type { Engine } from './engine.js'
import type { Mesh, PeerId } from './mesh.js'
import type { RunManifest } from './run-manifest.js'
import type { GradientStore } from './store.js'
import type { Strategy } from './strategy.js'
import type { Random } from '../random.js'

/** A vector of an attack's arithmetic: float32 in a run, float64 beside another library. */
export type Floats = Float32Array | Float64Array

/**
 * What an attack must be told: the hostile peer's own honest vector, those of all honest peers of the round before it
 * gives its own (a rushing adversary), what the run made of the round before, what its rule makes of a candidate, who is in
 * the view.
 */
export const KNOWLEDGE = ['own', 'honest', 'last', 'defence', 'topology'] as const
export type Knowledge = (typeof KNOWLEDGE)[number]

export const ATTACK_LEVELS = ['data', 'gradient', 'payload', 'protocol'] as const
export type AttackLevel = (typeof ATTACK_LEVELS)[number]

/** Candidates base + factor·direction. */
export interface Line {
  /** the origin when left out */
  readonly base?: Float64Array
  readonly direction: Float64Array
}

interface AttackFacts {
  readonly name: string
  /** one sentence with the attack's source, for `attack --list` */
  readonly describe: string
  /** one sentence: what must hold when a run is attacked so */
  readonly holds: string
  readonly knows: readonly Knowledge[]
}

export interface CraftInput {
  /** what this peer would give if it were honest; never written to, as `honest` */
  readonly own: Floats
  /** rows in rank order; empty unless the attack knows them */
  readonly honest: readonly Floats[]
  /** what the run made of the round before; absent in the first one, and unless the attack knows it */
  readonly last?: Floats
  /** whom the vector meets first, where not all peers read all; absent unless the attack knows the topology */
  readonly victim?: {
    /** what it would give */
    readonly vector: Floats
    /** what its honest neighbours give */
    readonly neighbours: readonly Floats[]
    /** neighbours of it that are hostile */
    readonly hostile: number
  }
  /** where the result goes; none of the others */
  readonly out: Floats
  /** the same at all accomplices */
  readonly random: Random
  readonly round: number
  /** inputs of the rule in all, honest and hostile */
  readonly n: number
  /** hostile peers that there are, whatever the rule was told */
  readonly f: number
  /**
   * What the run's rule makes of the honest vectors and `f` copies of the candidate; absent unless the attack knows the
   * defence. Nothing that a rule remembers from round to round is moved on.
   */
  readonly defence?: (candidate: Floats) => Promise<Floats>
  /**
   * How far what the run's rule makes of a candidate is from the honest mean, by its factor on a line: `defence` but for
   * rounding, some 1e-6 of the distance, and in a tenth of the time. Absent where a rule does not work by kernels alone.
   */
  readonly reach?: (line: Line) => (factor: number) => Promise<number>
}

/** Trains on data that are no longer what they were. `corrupt` leaves its input and the test split as they are. */
export interface DataAttack extends AttackFacts {
  readonly level: 'data'
  corrupt(dataset: Dataset, random: Random): Dataset
  /**
   * Test samples on which the attack wants a model to be wrong, as it alters them and with the class that it wants: the share that
   * a model takes so is how far the attack got. Left out where it has no aim but harm.
   */
  aim?(dataset: Dataset): Split
}

/** Gives another vector than its gradient. Deterministic: accomplices that know the same craft the same. */
export interface GradientAttack extends AttackFacts {
  readonly level: 'gradient'
  craft(input: CraftInput): void | Promise<void>
}

/** Sends what no honest peer would. */
export interface WireAttack extends AttackFacts {
  readonly level: 'payload' | 'protocol'
  /**
   * URL of the module that takes TCP's place in the network thread, for what lies below the mesh: a transport as libp2p
   * takes it. Without one the attack plays on every mesh, in memory too.
   */
  readonly transport?: string
  /** peers that one process joins a run as, accomplices of each other; 1 when left out */
  readonly identities?: number
  arm(context: AttackContext): Disguise
}

/** What a hostile peer does. Lives in attack runs only, never in the honest code. */
export type Attack = DataAttack | GradientAttack | WireAttack

export type AttackFactory = (options: Readonly<Record<string, number | string | boolean>>) => Attack

/** When, and against whom. */
export interface AttackSchedule {
  /** first round, from 0 */
  readonly start: number
  /** the first round that is honest again */
  readonly stop: number
  /** every so many rounds from `start` on */
  readonly every: number
  /** victims of an attack that chooses any; empty: everybody */
  readonly targets: readonly PeerId[]
}

/** What an attack run tells a hostile peer. */
export interface AttackContext {
  readonly self: PeerId
  /** the other hostile peers: not waited for, not among the honest, and sure to craft the same */
  readonly accomplices: readonly PeerId[]
  readonly schedule: AttackSchedule
  /** Does once what accomplices of one process would each do alike, by a name of it; left out: each for itself. */
  readonly once?: <T>(name: string, work: () => Promise<T>) => Promise<T>
}

/** Hostile parts, made of the honest ones, in their place; what is left out stays as it is. */
export interface Disguise {
  readonly mesh?: (honest: Mesh) => Mesh
  /** what the engine trains on; shards are dealt by the labels as they were */
  readonly dataset?: (honest: Dataset, manifest: RunManifest) => Dataset
  readonly engine?: (honest: Engine) => Engine
  readonly store?: (honest: GradientStore) => GradientStore
  readonly strategy?: (honest: Strategy, manifest: RunManifest) => Strategy
}
