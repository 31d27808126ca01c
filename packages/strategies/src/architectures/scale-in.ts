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
  /** seconds that are predicted, of rounds: what is between two of them does not count */
  readonly horizon: number
  /** seconds of rounds between two removals */
  readonly interval: number
}

/** Where the loss has come to its knee, and how it would go on with all the peers there were. */
interface Knee {
  /** of the history that it was found in */
  readonly first: RoundRecord
  /** of the round */
  readonly round: number
  /** rounds before it */
  readonly before: number
  /** of one of these rounds, on average */
  readonly seconds: number
  /** undefined when nothing fits */
  readonly all: LossCurve | undefined
}

/**
 * The scale-in auto-tuner of MLLess (Middleware 2021, section 5): from the knee of the loss curve on, one peer goes every
 * `interval` if the loss that is predicted for the peers there are is at most `tolerance` worse, after `horizon`, than
 * the one predicted at the knee for all of them. Who goes is the last by rank. The paper merges the model of who goes;
 * here it is the model of all, and what the filter held back at that peer is lost. A knee once found stays the one of its history.
 */
export function scaleIn({ tolerance, horizon, interval }: ScaleInInit): NonNullable<Strategy['retire']> {
  let knee: Knee | undefined
  return ({ view, history }) => {
    if (view.members.length < 2) return []
    if (knee === undefined || knee.first !== history[0]) knee = kneeOf(history)
    if (knee === undefined) return []
    const { round: from } = knee
    const removal = history.findLastIndex(({ round, members }, at) => round > from && members < history[at - 1].members)
    const recent = history.slice(removal < 0 ? history.findIndex(({ round }) => round >= from) : removal)
    if (secondsOf(recent) < interval) return []
    if (removal >= 0) {
      const now = fitLossSinceRemoval(recent.map(({ loss }) => loss))
      if (knee.all === undefined || now === undefined) return []
      const passed = history[history.length - 1].round - from + 1
      const expected = knee.all(knee.before + passed + Math.floor(horizon / knee.seconds))
      const predicted = now(recent.length + Math.floor((horizon * recent.length) / secondsOf(recent)))
      // s(t): how much worse the loss will be, as a share of what it would be with all peers
      if ((predicted - expected) / expected > tolerance) return []
    }
    return view.members.slice(-1)
  }
}

/** The round in which the smoothed loss had been flat for FLAT rounds. */
function kneeOf(history: readonly RoundRecord[]): Knee | undefined {
  let smoothed = history[0]?.loss ?? 0
  let flat = 0
  for (let at = 1; at < history.length; at++) {
    const last = smoothed
    smoothed += (2 / (SPAN + 1)) * (history[at].loss - smoothed)
    flat = smoothed - last > KNEE ? flat + 1 : 0
    if (flat < FLAT || at < LEAST) continue
    const records = history.slice(0, at)
    const all = fitLoss(records.map(({ loss }) => loss))
    return { first: history[0], round: history[at].round, before: at, seconds: secondsOf(records) / at, all }
  }
  return undefined
}

function secondsOf(records: readonly RoundRecord[]): number {
  return records.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000
}
