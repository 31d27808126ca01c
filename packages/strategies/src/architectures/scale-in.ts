import type { RoundRecord, Strategy } from '@peergrad/core'
import { fitLoss, fitLossSinceRemoval, type LossCurve } from './loss-curve.js'

/** Rounds over which the loss is smoothed, and in a row that have to be flat. */
const SPAN = 20
const FLAT = 5
/** Slope of the smoothed loss above which it has come to its knee. */
const KNEE = -7.5e-5
/** Rounds that a fit needs. */
const LEAST = 10

export interface ScaleInInit {
  /** how much worse the predicted loss may be with one peer fewer, as a share */
  readonly tolerance: number
  /** seconds that are predicted */
  readonly horizon: number
  /** seconds between two removals */
  readonly interval: number
}

/**
 * The scale-in auto-tuner of MLLess (Middleware 2021, section 5): from the knee of the loss curve on, one peer goes every
 * `interval` if the loss that is predicted for the peers there are is at most `tolerance` worse, after `horizon`, than
 * the one predicted at the knee for all of them. Who goes is the last by rank. The paper merges the model of who goes;
 * here it is the model of all.
 */
export function scaleIn({ tolerance, horizon, interval }: ScaleInInit): NonNullable<Strategy['retire']> {
  return ({ view, history }) => {
    if (view.members.length < 2) return []
    const knee = kneeOf(history)
    if (knee === undefined) return []
    const removals = history.flatMap(({ members }, at) => (at > knee && members < history[at - 1].members ? [at] : []))
    const since = removals.at(-1) ?? knee
    const recent = history.slice(since)
    if (secondsOf(recent) < interval) return []
    if (removals.length > 0) {
      const before = history.slice(0, knee)
      const [all, now] = [fitLoss(lossesOf(before)), fitLossSinceRemoval(lossesOf(recent))]
      if (all === undefined || now === undefined || lossOf(all, before, now, recent, horizon) > tolerance) return []
    }
    return view.members.slice(-1)
  }
}

/** s(t): how much worse the loss will be, as a share of what it would be with all peers. */
function lossOf(
  all: LossCurve,
  before: readonly RoundRecord[],
  now: LossCurve,
  recent: readonly RoundRecord[],
  horizon: number
): number {
  // the curve of all peers goes on at their pace for the time since the knee
  const steps = (records: readonly RoundRecord[], seconds: number) =>
    Math.floor((seconds * records.length) / secondsOf(records))
  const expected = all(before.length + steps(before, secondsOf(recent) + horizon))
  return (now(recent.length + steps(recent, horizon)) - expected) / expected
}

/** Index of the round in which the smoothed loss had been flat for FLAT rounds. */
function kneeOf(history: readonly RoundRecord[]): number | undefined {
  let smoothed = history[0]?.loss ?? 0
  let flat = 0
  for (let at = 1; at < history.length; at++) {
    const before = smoothed
    smoothed += (2 / (SPAN + 1)) * (history[at].loss - smoothed)
    flat = smoothed - before > KNEE ? flat + 1 : 0
    if (flat >= FLAT && at >= LEAST) return at
  }
  return undefined
}

function secondsOf(records: readonly RoundRecord[]): number {
  return records.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000
}

function lossesOf(records: readonly RoundRecord[]): number[] {
  return records.map(({ loss }) => loss)
}
