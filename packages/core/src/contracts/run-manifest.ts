import type { OptimiserSpec } from '../optimiser.js'

/**
 * `continue` goes on without a lost peer, `wait` pauses until it is back, `abort` ends the run with a checkpoint. A
 * peer that says itself that it leaves is not lost.
 */
export const FAILURE_POLICIES = ['continue', 'wait', 'abort'] as const
export type FailurePolicy = (typeof FAILURE_POLICIES)[number]

/** Of the run manifest and the wire: peers of different ones do not mix. */
export const RUN_VERSION = 4

/**
 * What all peers of a run must agree on before they start. Its hash is the run's id; a peer whose manifest differs is
 * refused with a sentence that names the first field that differs. Plug-ins stand by the text that the user wrote.
 */
export interface RunManifest {
  readonly version: typeof RUN_VERSION
  readonly model: string
  readonly dataset: string
  readonly partition: string
  readonly strategy: string
  readonly aggregator: string
  readonly preAggregators: readonly string[]
  /** 'auto': the strategy's own, or none */
  readonly filter: string
  readonly codec: string
  readonly optimiser: OptimiserSpec
  readonly schedule: string
  /** β of what each peer gives in the place of its gradient g, m ← β·m + (1 − β)·g; 0: the gradient */
  readonly workerMomentum: number
  readonly batch: number
  /** minibatches each peer takes in one synchronisation */
  readonly minibatches: number
  /** optimiser steps between two synchronisations; above 1 models are averaged */
  readonly every: number
  readonly epochs: number
  /** 0: as many as the epochs need */
  readonly rounds: number
  /** 0: none */
  readonly targetAccuracy: number
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
  /** who may take part, see `parseAdmission`; never a secret */
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
