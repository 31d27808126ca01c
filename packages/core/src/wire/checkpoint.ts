import * as z from '../bundled/zod.js'
import { DIGEST_PATTERN, type Digest } from '../contracts/digest.js'
import type { RunManifest } from '../contracts/run-manifest.js'
import type { View } from '../contracts/view.js'
import { PeergradError } from '../errors.js'
import type { DataPosition, Lineage } from './control.js'
import { runManifestSchema } from './run-manifest.js'

/**
 * Where in a run a checkpoint stands. With the vectors beside it, it is all that decides what comes next: everything
 * random follows from the manifest's seed and the round.
 */
export interface CheckpointPosition {
  /** the run's id */
  readonly run: string
  readonly manifest: RunManifest
  /** the next round */
  readonly round: number
  /** what the state is called among the peers: the digest of the model, when all have the same */
  readonly hash: Digest
  /** optimiser steps made */
  readonly step: number
  readonly data: DataPosition
  /** the view that the next round starts from */
  readonly view: View
  /** last estimate of the test accuracy, 0 … 1: a run with a target ends by it */
  readonly accuracy: number
  /** whether the run is over, so that there is no next round */
  readonly finished: boolean
  readonly lineage: Lineage
}

/** A vector in a checkpoint. The first is the model state, which the file's other tensors make up. */
export interface CheckpointVector {
  readonly name: string
  /** floats */
  readonly length: number
  readonly digest: Digest
}

/** What a checkpoint says of itself. */
export interface CheckpointRecord {
  readonly position: CheckpointPosition
  readonly vectors: readonly CheckpointVector[]
}

const peer = z.string().min(1).max(128)
const members = z.array(peer).min(1)
const count = z.int().min(0)
const digest = z.string().regex(DIGEST_PATTERN)

const record: z.ZodType<CheckpointRecord> = z.strictObject({
  position: z.strictObject({
    run: digest,
    manifest: runManifestSchema,
    round: count,
    hash: digest,
    step: count,
    data: z.strictObject({
      epoch: count,
      start: count,
      changes: z.array(z.strictObject({ round: count, members })).min(1)
    }),
    view: z.strictObject({ number: count, members }),
    accuracy: z.number().min(0).max(1),
    finished: z.boolean(),
    lineage: z.strictObject({ founder: peer, founded: z.number().min(0) })
  }),
  vectors: z.array(z.strictObject({ name: z.string().min(1).max(256), length: count, digest })).min(1)
})

/** Checks every field of what a checkpoint says of itself. Error `corrupt` names the first that is wrong. */
export function parseCheckpointRecord(value: unknown): CheckpointRecord {
  const parsed = record.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new PeergradError('corrupt', `${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'invalid'}`)
}
