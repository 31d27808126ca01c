import type { Digest } from './digest.js'
import type { LinkStatistics, PeerId } from './mesh.js'
import type { PhasePlaces, PhaseTimes } from './metrics.js'
import type { RunManifest } from './run-manifest.js'

/**
 * What happened, one typed event a line of `events.ndjson`: enough to replay the run. `time` is milliseconds since
 * the run's first event on the machine that wrote the file, `peer` who it happened at.
 */
export type RunEvent = { readonly time: number; readonly peer: PeerId } & (
  | {
      readonly type: 'started'
      readonly run: string
      readonly manifest: RunManifest
      readonly engine: string
      /** one sentence: what the engine is, and why it was taken */
      readonly engineWhy: string
      readonly store: string
      /** the database averages, updates and digests vectors itself */
      readonly denseInStore: boolean
      readonly phasePlaces: PhasePlaces
    }
  | { readonly type: 'connected' | 'disconnected'; readonly other: PeerId }
  | { readonly type: 'view'; readonly number: number; readonly members: readonly PeerId[] }
  | { readonly type: 'phase'; readonly round: number; readonly phase: string }
  | {
      readonly type: 'round'
      readonly round: number
      readonly attempt: number
      readonly view: number
      readonly contributors: readonly PeerId[]
      readonly samples: number
      readonly loss: number
      readonly seconds: number
      readonly phases: PhaseTimes
      /** optimiser steps of the run up to the end of this round */
      readonly steps: number
      /** bytes of the peer's contribution as others fetch it, and as it would be whole; absent when it gave none */
      readonly packed?: { readonly bytes: number; readonly whole: number }
      readonly bytesSent: number
      readonly bytesReceived: number
      readonly parametersHash: Digest
    }
  | {
      readonly type: 'evaluated'
      readonly round: number
      readonly accuracy: number
      readonly loss: number
      readonly samples: number
    }
  /**
   * Bytes on each link of this peer so far, of its whole life; after a round, now and then, and at the end. `formula` is
   * what the strategy says of vectors for the rounds so far, without a fault and a filter.
   */
  | {
      readonly type: 'links'
      readonly round: number
      readonly links: readonly LinkStatistics[]
      readonly formula: { readonly sent: number; readonly received: number }
    }
  /** an opinion of this peer */
  | { readonly type: 'suspected'; readonly other: PeerId; readonly reason: string }
  | { readonly type: 'trusted'; readonly other: PeerId }
  /** a quorum suspects it, or it said that it leaves */
  | { readonly type: 'lost'; readonly other: PeerId; readonly reason: string }
  /** two manifests of one peer for one round that contradict each other, as signed, in base64 */
  | {
      readonly type: 'equivocated'
      readonly other: PeerId
      readonly round: number
      readonly envelopes: readonly string[]
    }
  /** a peer that is proved to have lied has no part in the run any more; the proof in base64, as it was signed */
  | {
      readonly type: 'excluded'
      readonly other: PeerId
      readonly round: number
      readonly reason: string
      readonly evidence: readonly string[]
    }
  /** this peer gave up its run for the one that was founded before it */
  | { readonly type: 'merged'; readonly founder: PeerId }
  | { readonly type: 'refused'; readonly other: PeerId; readonly offence: string; readonly reason: string }
  | { readonly type: 'diverged' | 'healed'; readonly round: number }
  | { readonly type: 'paused' | 'resumed'; readonly reason: string }
  | { readonly type: 'checkpoint'; readonly round: number; readonly file: string }
  | { readonly type: 'left'; readonly reason: string }
  | { readonly type: 'finished'; readonly round: number; readonly parametersHash: Digest }
)
