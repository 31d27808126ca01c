import type { Digest, ErrorCode } from '@peergrad/core'

/** The model after a round, on the test split. */
export interface Evaluation {
  readonly round: number
  /** 0 … 1 */
  readonly accuracy: number
  readonly loss: number | null
  readonly samples: number
}

/** What became of the honest peers of a run. */
export interface Standing {
  /** all honest peers ended the run with the same parameters, and none of them was shut out */
  readonly held: boolean
  /** why not */
  readonly why: string | null
  /** rounds for which an honest peer needed more than one attempt, or the whole deadline */
  readonly delayed: number
  /** bytes that honest peers received beyond what the strategy's formula says of vectors; messages are among them */
  readonly wasted: number
  /** rounds from the first one until no hostile peer was in the view any more; null when one was to the end */
  readonly exclusion: number | null
}

/** What one run of a grid came to. */
export interface Outcome {
  /** of all honest peers; null when they do not hold the same, or none got to the end */
  readonly parametersHash: Digest | null
  readonly rounds: number
  /** of this machine, from the start of the first peer to the end of the last */
  readonly seconds: number
  readonly evaluations: readonly Evaluation[]
  /** of all evaluations the most: what ByzFL's heat maps show; null when there was none */
  readonly best: number | null
  /** of the last model; chance where the run ended before its time */
  readonly last: number | null
  /** accuracy of who guesses; earlier versions did not keep it */
  readonly chance?: number
  /** why the run ended before its last round, as an honest peer says it */
  readonly ended: { readonly code: ErrorCode; readonly message: string } | null
  /**
   * Share of the samples on which the attack wants the model to be wrong that the last one takes as it wants; of simulated runs
   * against an attack that has such an aim
   */
  readonly success?: number
  readonly standing: Standing
  /** machine and day; earlier versions did not keep it */
  readonly made?: string
}
