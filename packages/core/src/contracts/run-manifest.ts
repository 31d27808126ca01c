import type { OptimiserSpec } from '../optimiser.js'

export const FAILURE_POLICIES = ['continue', 'wait', 'abort'] as const

/**
 * `continue` goes on without a lost peer, `wait` pauses until it is back, `abort` ends the run with a checkpoint. A
 * peer that says itself that it leaves is not lost.
 */
export type FailurePolicy = (typeof FAILURE_POLICIES)[number]

/** Of the run manifest and the wire: peers of different ones do not mix. */
export const RUN_VERSION = 6

/**
 * What all peers of a run must agree on before they start. Its hash is the run's id; a peer whose manifest differs is
 * refused with a sentence that names the first field that differs. Plug-ins stand by the text that the user wrote.
 */
export interface RunManifest {
  /** peers of different versions do not mix */
  readonly version: typeof RUN_VERSION
  /** what is trained */
  readonly model: string
  /** what it is trained on */
  readonly dataset: string
  /** how the samples are dealt to the peers */
  readonly partition: string
  /** architecture of exchange */
  readonly strategy: string
  /** rule that makes one vector of many */
  readonly aggregator: string
  /** what vectors go through before the rule, in order */
  readonly preAggregators: readonly string[]
  /** which part of an update is worth sending; 'auto': the strategy's own, or none */
  readonly filter: string
  /** how a vector is packed for the wire */
  readonly codec: string
  /** what turns a gradient into a step, and its constants */
  readonly optimiser: OptimiserSpec
  /** learning rate over the steps, as in `--schedule` */
  readonly schedule: string
  /** β of what each peer gives in the place of its gradient g, m ← β·m + (1 − β)·g; 0: the gradient */
  readonly workerMomentum: number
  /** samples in a minibatch */
  readonly batch: number
  /** minibatches each peer takes in one synchronisation */
  readonly minibatches: number
  /** optimiser steps between two synchronisations; above 1 models are averaged */
  readonly every: number
  /** passes over the data */
  readonly epochs: number
  /** synchronisations after which the run ends; 0: as many as the epochs need */
  readonly rounds: number
  /** test accuracy, 0 … 1, at which the run ends early; 0: none */
  readonly targetAccuracy: number
  /** of everything random */
  readonly seed: number
  /** peers that must be there before the first round */
  readonly peers: number
  /** peers without which the run pauses; 0: a majority of the view, whatever its size */
  readonly minPeers: number
  /** milliseconds that a round waits for contributions */
  readonly deadline: number
  /** milliseconds after the deadline until the next coordinator takes a round over that has not ended */
  readonly grace: number
  /** what becomes of the run when a peer is lost */
  readonly onFailure: FailurePolicy
  /** largest Euclidean norm of a contribution, or of each part of one; 0: any */
  readonly maxNorm: number
  /** who may take part: `open`, `secret`, `allow-list:ID,ID` or `invitation:ID`; never the secret itself */
  readonly admission: string
}

/** Field by field in the order of `a`: the first that differs, with both values. */
export function firstDifference(
  a: RunManifest,
  b: RunManifest
): { field: string; here: unknown; there: unknown } | undefined {
  for (const field of Object.keys(a) as (keyof RunManifest)[]) {
    if (canonical(a[field]) !== canonical(b[field])) return { field, here: a[field], there: b[field] }
  }
  return undefined
}

/** JSON with sorted keys: the same bytes for the same manifest, to be hashed. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
}
