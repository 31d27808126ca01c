import type { Digest, PeerId, PhasePlaces, PhaseTimes } from '@peergrad/core'
import type { Suggested } from './suggested.js'

/**
 * How a peer ended. `finished`: with the run; `left`: before it, in order; `died`: without a word; `excluded`: it is proved
 * to have lied; `failed`: with an error of its own, which its log says.
 */
export type PeerStatus = 'finished' | 'left' | 'died' | 'excluded' | 'failed'

/** One peer in `result.json`. Times are in seconds, sizes in bytes. */
export interface PeerOutcome {
  /** libp2p's PeerId */
  readonly id: PeerId
  /** its place among all who were ever in a view, in the order in which they came into one; −1 for one that never was */
  readonly rank: number
  /** how it ended */
  readonly status: PeerStatus
  /** that ended at this peer, those that it only followed included */
  readonly rounds: number
  /** SHA-256 of the parameters that it held at the end; null before the first round */
  readonly parametersHash: Digest | null
  /** everything that it sent on its links */
  readonly bytesSent: number
  /** everything that it received on its links */
  readonly bytesReceived: number
  /** of those sent, vectors; null when the peer did not end as a peer ends */
  readonly tensorBytesSent: number | null
  /** of those received, vectors; null when the peer did not end as a peer ends */
  readonly tensorBytesReceived: number | null
  /**
   * the most memory that its process held, a database that is a process of its own not included; null when the peer did not
   * end as a peer ends
   */
  readonly peakMemoryBytes: number | null
  /** of the phase compute */
  readonly secondsComputing: number
  /** of the phases wait, fetch, agree and sync */
  readonly secondsCommunicating: number
  /** of the phases store, average, aggregate and update */
  readonly secondsAggregating: number
  /** seconds in each phase, over all rounds */
  readonly secondsByPhase: PhaseTimes
}

/** `result.json`, and what `train --json` prints. */
export interface RunResult {
  /** the run's id: SHA-256 of its manifest as canonical JSON */
  readonly run: string
  /** architecture of exchange, as the run's manifest names it */
  readonly strategy: string
  /** rule that made one vector of many */
  readonly aggregator: string
  /** what contributions went through before it, in order */
  readonly preAggregators: readonly string[]
  /** what was trained on */
  readonly dataset: string
  /** what was trained */
  readonly model: string
  /** what computed gradients */
  readonly engine: string
  /** one sentence: what the engine is, and why it was taken */
  readonly engineWhy: string
  /** threads that computed gradients in each peer; null where each peer had its own number */
  readonly engineWorkers: number | null
  /** driver of the peers' databases */
  readonly store: string
  /** the database averaged, updated and digested the vectors itself */
  readonly denseInStore: boolean
  /** where the work of each phase was done; null when no peer began to train */
  readonly phasePlaces: PhasePlaces | null
  /** synchronisations of the run */
  readonly rounds: number
  /** optimiser steps */
  readonly steps: number
  /** from the first view, when the peers are there, to the end of the last round */
  readonly seconds: number
  /** of the last evaluation on the test split, 0 … 1; null when there was none */
  readonly accuracy: number | null
  /** mean loss of that evaluation; null when there was none, or it is not finite */
  readonly loss: number | null
  /** samples of that evaluation */
  readonly evaluatedSamples: number
  /** it is of the last model, on the whole test split */
  readonly evaluated: boolean
  /** mean training loss of the first and of the last five rounds, of a short run of its halves; null without two rounds */
  readonly trainingLoss: { readonly first: number; readonly last: number } | null
  /** true when all peers that finished hold the same parameters */
  readonly agreed: boolean
  /** path of the newest checkpoint of one of the peers; null when there is none */
  readonly checkpoint: string | null
  /**
   * bytes of what the peers gave, as others fetch it and with nothing left out; `saved` is the share of that, 0 … 1, that
   * filter and codec spared
   */
  readonly contributions: { readonly bytes: number; readonly whole: number; readonly saved: number }
  /** time-outs that would do, from what was measured; null without a round */
  readonly suggested: Suggested | null
  /** by rank */
  readonly peers: readonly PeerOutcome[]
}

/** Whether a run came to its end, and its model was tried: whoever tries it for all may fail alone. */
export function isWhole({ peers, evaluated }: RunResult): boolean {
  return evaluated && peers.some(({ status }) => status === 'finished')
}
