import type {
  Clock,
  ContributionManifest,
  ControlAnswer,
  ControlMessage,
  ControlRequest,
  DerivedMessage,
  Digest,
  Engine,
  GradientStore,
  LinkStatistics,
  Mesh,
  Minibatch,
  PeerId,
  Phase,
  PluginReference,
  RunManifest,
  Strategy,
  TrialRequest,
  View
} from '@peergrad/core'
import type { LastingWork } from './lasting-work.js'
import type { OwnVectors } from './own-vectors.js'
import type { Packed, VectorExchange } from './vectors.js'

/** What outlives a round. */
export interface RoundServices {
  readonly run: string
  readonly manifest: RunManifest
  readonly self: PeerId
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** what it wants measured, when it judges by losses */
  readonly trials?: TrialRequest
  /** what contributions go through before it, in order */
  readonly preAggregators?: readonly PluginReference[]
  /** what of a contribution is worth sending; all of it when left out */
  readonly filter?: PluginReference
  readonly own: OwnVectors
  readonly lasting: LastingWork
  readonly clock: Clock
  readonly vectors: VectorExchange
  readonly send: (message: ControlMessage) => void
  /** to one member, and not said again */
  readonly tell: (peer: PeerId, message: DerivedMessage) => void
  /** another member, for what it said of a round; rejects when it cannot tell */
  readonly ask: (peer: PeerId, question: Question) => Promise<ControlAnswer>
  /** as measured */
  readonly links: () => readonly LinkStatistics[]
  readonly connected: () => readonly PeerId[]
  /** who signed an announcement, and what it says */
  readonly open: Mesh['open']
  readonly sha256: (text: string) => Digest
  /** whether the members agree that a peer is gone */
  readonly lost: (peer: PeerId) => boolean
  readonly onPhase: (round: number, phase: Phase) => void
}

export interface ExchangeInit {
  readonly round: number
  readonly view: View
  /** store key of the model state that the round starts from */
  readonly state: string
  readonly minibatches: readonly Minibatch[]
  /** of the list that a peer reads now: every member knows it, and takes nobody's word for it */
  readonly samples: (peer: PeerId) => number
  /** numbers of all training samples, in an order that is the same at every peer */
  readonly training: () => Uint32Array
  /** optimiser steps before this round */
  readonly steps: number
  /** of an optimiser step, from 1 */
  readonly learningRate: (step: number) => number
}

/** What of the exchange the round has to know. */
export interface ExchangeEffects {
  send(message: ExchangeMessage): void
  /** the own contribution is stored and may be fetched; `links` is what was said with it */
  contributed(manifest: ContributionManifest, links: Uint8Array | undefined): void
  /** whether this peer heard from the other one itself that it gives this: a proposal may say what it likes */
  announced(peer: PeerId, packed: Packed): boolean
  /** aborts when the round is over */
  readonly ended: AbortSignal
}

type WithoutRound<T> = T extends unknown ? Omit<T, 'run' | 'round' | 'life'> : never
export type ExchangeMessage = WithoutRound<Extract<ControlMessage, { kind: 'manifest' | 'derived' }>>
type Question = Omit<Extract<ControlRequest, { kind: 'derived' }>, 'run'>

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly services: RoundServices
  readonly init: ExchangeInit
  readonly effects: ExchangeEffects
}

/** A store key that is deleted when the round is past. */
export function roundKey(round: number, name: string): string {
  return `round:${round}:${name}`
}
