import type { Digest, PeerId, PhasePlaces, PhaseTimes } from '@peergrad/core'
import type { Suggested } from './suggested.js'

export type PeerStatus = 'finished' | 'left' | 'died' | 'excluded' | 'failed'

/** One peer in `result.json`. Times are in seconds, sizes in bytes; the hash is of the parameters it held at the end. */
export interface PeerOutcome {
  readonly id: PeerId
  readonly rank: number
  readonly status: PeerStatus
  readonly rounds: number
  readonly parametersHash: Digest | null
  readonly bytesSent: number
  readonly bytesReceived: number
  /** of those, vectors; null when the peer did not end as a peer ends */
  readonly tensorBytesSent: number | null
  readonly tensorBytesReceived: number | null
  /** the most memory that its process held, see `Usage`; null when the peer did not end as a peer ends */
  readonly peakMemoryBytes: number | null
  readonly secondsComputing: number
  readonly secondsCommunicating: number
  readonly secondsAggregating: number
  /** of every phase, over all rounds */
  readonly secondsByPhase: PhaseTimes
}

/** `result.json`, and what `train --json` prints. */
export interface RunResult {
  /** the run's id: the hash of its manifest */
  readonly run: string
  readonly strategy: string
  readonly aggregator: string
  /** what contributions went through before it, in order */
  readonly preAggregators: readonly string[]
  readonly dataset: string
  readonly model: string
  readonly engine: string
  /** one sentence: what the engine is, and why it was taken */
  readonly engineWhy: string
  readonly store: string
  /** the database averaged, updated and digested the vectors itself */
  readonly denseInStore: boolean
  /** where the work of each phase was done; null when no peer began to train */
  readonly phasePlaces: PhasePlaces | null
  readonly rounds: number
  /** optimiser steps */
  readonly steps: number
  /** from the first view, when the peers are there, to the end of the last round */
  readonly seconds: number
  /** of the last evaluation on the test split, 0 … 1; null when there was none */
  readonly accuracy: number | null
  readonly loss: number | null
  /** samples of that evaluation */
  readonly evaluatedSamples: number
  /** true when all peers that finished hold the same parameters */
  readonly agreed: boolean
  readonly checkpoint: string | null
  /** what the peers gave, as others fetch it and with nothing left out; `saved` is the share of that that filter and codec spared */
  readonly contributions: { readonly bytes: number; readonly whole: number; readonly saved: number }
  /** time-outs that would do, from what was measured; null without a round */
  readonly suggested: Suggested | null
  readonly peers: readonly PeerOutcome[]
}
