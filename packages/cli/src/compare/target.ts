import type { History } from './history.js'
import { costOf, scalePhases, type Used } from './cost.js'
import { PRICES } from './prices.js'

/** When a run first had the target accuracy at an evaluation. */
export interface Reached {
  readonly accuracy: number
  /** test samples of that evaluation */
  readonly samples: number
  readonly round: number
  readonly seconds: number
  /** sent by all peers together until then */
  readonly bytes: number
  /** null when the memory of the peers is not known */
  readonly dollars: number | null
}

export interface TargetInit {
  readonly targetAccuracy: number
  readonly history: Pick<History, 'evaluations'>
  /** by the whole run */
  readonly used: Used | null
  /** peers on the average of the first so many rounds */
  readonly peersOf: (rounds: number) => number
}

/** The end of the round whose model first had the target; null when none had. */
export function targetOf({ targetAccuracy, history, used, peersOf }: TargetInit): Reached | null {
  const evaluation = history.evaluations.find(({ accuracy }) => accuracy >= targetAccuracy)
  if (evaluation === undefined) return null
  const { round, accuracy, samples, seconds, sent: bytes } = evaluation
  // each phase in proportion: what a round takes hardly changes in a run
  const share = used === null || used.seconds === 0 ? 0 : seconds / used.seconds
  const until = used && {
    ...used,
    peers: peersOf(round + 1),
    seconds,
    rounds: round + 1,
    phases: scalePhases(used.phases, share)
  }
  return { accuracy, samples, round, seconds, bytes, dollars: until && costOf(until, PRICES).dollars }
}
