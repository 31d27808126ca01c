import type {
  CheckpointPosition,
  Clock,
  Digest,
  Engine,
  GradientStore,
  LearningRateSchedule,
  Logger,
  PeergradError,
  PeerId,
  PluginReference,
  Strategy,
  TrialRequest
} from '@peergrad/core'
import type { Checkpoints, ExtraVector } from '../checkpoint/checkpoints.js'
import type { ResumedState } from '../checkpoint/load.js'
import type { Swarm } from '../membership/swarm.js'
import type { EventBody } from './journal.js'
import type { Packing } from './vectors.js'

export interface PeerRuntimeInit {
  readonly swarm: Swarm
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** whether its condition, and those of what is before it, hold for so many contributions; for any when left out */
  readonly takes?: (contributions: number) => boolean
  /** what it wants measured, when it judges by losses */
  readonly trials?: TrialRequest
  /** what contributions go through before it, in order */
  readonly preAggregators?: readonly PluginReference[]
  /** what of a contribution is worth sending; all of it when left out */
  readonly filter?: PluginReference
  /** how vectors are packed for the wire; as they are when left out */
  readonly codec?: Packing['codec']
  /** deals all training samples to n ranks; pure */
  readonly partition: (shards: number, epoch: number) => readonly Uint32Array[]
  readonly schedule: LearningRateSchedule
  readonly clock: Clock
  readonly logger: Logger
  /** what happens, as it happens, without its time and peer */
  readonly emit: (event: EventBody) => void
  /** rounds between two evaluations; 0: only the last */
  readonly evaluateEvery: number
  /** test samples of the evaluations in between */
  readonly evaluateSamples: number
  /** milliseconds to wait for the other peers before the first round, and for enough of them after a loss */
  readonly patience: number
  /** takes the states in between; none when left out */
  readonly checkpoints?: Checkpoints
  /** the checkpoint that this peer comes back with; its vectors are in the store */
  readonly resume?: ResumedState
}

/** How a peer is ended. */
export interface PeerSignals {
  /** tells the others, and takes part for a moment more */
  readonly leave: AbortSignal
  /** all peers of the run stop: ends where this one is, and its place in the view stays */
  readonly stop: AbortSignal
  /** gives up at once */
  readonly signal: AbortSignal
}

export interface PeerOutcome {
  /** 'stranded': the run cannot go on with those that are here */
  readonly status: 'finished' | 'left' | 'stranded'
  /** why, when stranded */
  readonly error?: PeergradError
  readonly rank: number
  /** rounds that this peer saw decided */
  readonly rounds: number
  readonly members: readonly PeerId[]
  readonly parametersHash: Digest
  /** where the run goes on from, and the store key of the model state there */
  readonly position: CheckpointPosition
  readonly state: string
  /** vectors that the peer kept for itself */
  readonly own: readonly ExtraVector[]
  /** mean training loss of the last round */
  readonly trainingLoss: number | undefined
  /** milliseconds from the first round's start to the last one's end */
  readonly milliseconds: number
}
