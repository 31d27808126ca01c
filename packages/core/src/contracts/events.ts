import type { Digest } from './digest.js'
import type { LinkStatistics, PeerId } from './mesh.js'
import type { PhasePlaces, PhaseTimes } from './metrics.js'
import type { RunManifest } from './run-manifest.js'

/**
 * What happened, one typed event a line of `events.ndjson`: enough to replay the run. docs/reference/events.md is made of
 * these declarations.
 */
export type RunEvent = EventOrigin & Happening

/** What every event has. */
interface EventOrigin {
  /** milliseconds since the first event in the file, on the machine that wrote it; a resumed run counts on */
  readonly time: number
  /** who it happened at */
  readonly peer: PeerId
}

type Happening =
  /** A peer is ready to train: it knows the run, and has opened engine, data and store. */
  | {
      readonly type: 'started'
      /** the run's id: SHA-256 of its manifest as canonical JSON */
      readonly run: string
      /** what all peers of the run agreed on */
      readonly manifest: RunManifest
      /** name of what computes gradients, one of `peergrad engines` */
      readonly engine: string
      /** one sentence: what the engine is, and why it was taken */
      readonly engineWhy: string
      /** name of the store driver */
      readonly store: string
      /** the database averages, updates and digests vectors itself */
      readonly denseInStore: boolean
      /** where the work of each phase is done */
      readonly phasePlaces: PhasePlaces
    }
  /** A connection to another peer opened or closed. */
  | {
      readonly type: 'connected' | 'disconnected'
      /** at the other end */
      readonly other: PeerId
    }
  /** A numbered list of the active peers came into force. */
  | {
      readonly type: 'view'
      /** from 0 */
      readonly number: number
      /** in the order of their ranks */
      readonly members: readonly PeerId[]
    }
  /** The peer began a phase of a round. */
  | {
      readonly type: 'phase'
      /** from 0 */
      readonly round: number
      /** the `Phase` that began */
      readonly phase: string
    }
  /** A round ended at this peer: it was decided, and the model was updated. */
  | {
      readonly type: 'round'
      /** from 0 */
      readonly round: number
      /** times that the exchange was begun again in this round, because a peer was lost or lied; mostly 0 */
      readonly attempt: number
      /** number of the view in which the round was made */
      readonly view: number
      /** peers whose contributions count, in the order of their ranks */
      readonly contributors: readonly PeerId[]
      /** of all contributions that count, as their givers declare */
      readonly samples: number
      /** mean training loss over those samples, before the update */
      readonly loss: number
      /** seconds from the start of the round at this peer to its end */
      readonly seconds: number
      /** milliseconds in which each phase lasted */
      readonly phases: PhaseTimes
      /** optimiser steps of the run up to the end of this round */
      readonly steps: number
      /**
       * bytes of this peer's contribution as others fetch it, and as it would be with nothing left out by filter and codec;
       * absent when it gave none
       */
      readonly packed?: { readonly bytes: number; readonly whole: number }
      /** bytes that this peer sent since the round before, messages included */
      readonly bytesSent: number
      /** bytes that this peer received since the round before, messages included */
      readonly bytesReceived: number
      /** of the model after the round; where every peer has a model of its own, the name of the round's outcome */
      readonly parametersHash: Digest
    }
  /**
   * The model was tried on the test split: on a part of it while the run goes on, on all of it at the end. Of peers that one
   * command started, one tries the last model for all, which hold the same.
   */
  | {
      readonly type: 'evaluated'
      /** after which the model was tried, from 0 */
      readonly round: number
      /** it is the last model, and the whole split */
      readonly last?: true
      /** share that was right, 0 … 1 */
      readonly accuracy: number
      /** mean loss; null when it is not finite */
      readonly loss: number | null
      /** test samples of this evaluation */
      readonly samples: number
    }
  /** Bytes on each link of this peer so far, of its whole life; after a round, every five seconds at most, and at the end. */
  | {
      readonly type: 'links'
      /** the last one that ended, −1 before the first */
      readonly round: number
      /** one entry for each peer that may take part, and for the last ones of all others; what is before these is one more */
      readonly links: readonly LinkStatistics[]
      /** bytes of vectors that the strategy's formula gives for the rounds so far, without a fault and a filter */
      readonly formula: { readonly sent: number; readonly received: number }
    }
  /** This peer doubts that another one is there: an opinion. */
  | {
      readonly type: 'suspected'
      /** who is doubted */
      readonly other: PeerId
      /** a sentence: what was seen, or not */
      readonly reason: string
    }
  /** This peer doubts another one no more. */
  | {
      readonly type: 'trusted'
      /** who is there */
      readonly other: PeerId
    }
  /** A quorum suspects a peer, or it said that it leaves: nobody waits for it, and the next view is without it. */
  | {
      readonly type: 'lost'
      /** who is gone */
      readonly other: PeerId
      /** a sentence: why */
      readonly reason: string
    }
  /** Two manifests of one peer for one round contradict each other. */
  | {
      readonly type: 'equivocated'
      /** who signed both */
      readonly other: PeerId
      /** that both are for, from 0 */
      readonly round: number
      /** both, as they were signed, in base64 */
      readonly envelopes: readonly string[]
    }
  /** A peer that is proved to have lied has no part in the run any more. */
  | {
      readonly type: 'excluded'
      /** who lied */
      readonly other: PeerId
      /** in which it lied, from 0 */
      readonly round: number
      /** a sentence: about what */
      readonly reason: string
      /** the proof as it was signed, in base64 */
      readonly evidence: readonly string[]
    }
  /** This peer gave up its founding of the run for one that is older. */
  | {
      readonly type: 'merged'
      /** who founded the run that it takes part in now */
      readonly founder: PeerId
    }
  /** This peer took something of another one no further. */
  | {
      readonly type: 'refused'
      /** who sent it */
      readonly other: PeerId
      /** `join` when that peer has no part in the run; else what it did, an `Offence` */
      readonly offence: string
      /** a sentence: what was got, and what was expected */
      readonly reason: string
    }
  /** This peer found that a majority holds another model than it; or it took the state of the run from the others. */
  | {
      readonly type: 'diverged' | 'healed'
      /** where the run is, from 0 */
      readonly round: number
    }
  /** Too few peers are here to go on; or enough are here again. */
  | {
      readonly type: 'paused' | 'resumed'
      /** a sentence: how many are here, and how many are needed */
      readonly reason: string
    }
  /** A checkpoint was written. */
  | {
      readonly type: 'checkpoint'
      /** rounds that are in it */
      readonly round: number
      /** its path on that machine */
      readonly file: string
    }
  /** This peer left the run before its end. */
  | {
      readonly type: 'left'
      /** a sentence: why */
      readonly reason: string
    }
  /** The run ended, and this peer was in it to the end. */
  | {
      readonly type: 'finished'
      /** the last one, from 0 */
      readonly round: number
      /** of the last model */
      readonly parametersHash: Digest
    }
