import type { RunEvent } from '@peergrad/core'
import { readEvents } from '../events-file.js'

/** The end of a round, with sums from the start of the run. */
export interface RoundPoint {
  readonly round: number
  /** from the first view to the end of the round at the last peer */
  readonly seconds: number
  readonly samples: number
  /** bytes of all peers, everything on the links */
  readonly sent: number
  readonly received: number
  /** mean training loss of the round */
  readonly loss: number
}

/** The model after a round, on the test split. */
export interface EvaluationPoint {
  readonly round: number
  /** of the end of that round, as in `RoundPoint` */
  readonly seconds: number
  readonly sent: number
  readonly accuracy: number
  readonly loss: number | null
  /** test samples that it was evaluated on */
  readonly samples: number
}

export interface History {
  readonly rounds: readonly RoundPoint[]
  readonly evaluations: readonly EvaluationPoint[]
}

/**
 * At most so many rounds: each stands for those since the one before it, with the mean of their losses.
 */
export function thin({ rounds, evaluations }: History, most: number): History {
  const size = Math.ceil(rounds.length / most)
  const kept = Array.from({ length: Math.ceil(rounds.length / Math.max(1, size)) }, (_, index) => {
    const group = rounds.slice(index * size, (index + 1) * size)
    const loss = group.reduce((sum, each) => sum + each.loss, 0) / group.length
    return { ...(group.at(-1) as RoundPoint), loss }
  })
  return { rounds: kept, evaluations }
}

interface RoundSum {
  time: number
  samples: number
  sent: number
  received: number
  loss: number
}

/** Gathers the rounds of all peers from the events of a run. */
export class HistoryBuilder {
  #first = Infinity
  readonly #rounds = new Map<number, RoundSum>()
  readonly #evaluations = new Map<number, Pick<EvaluationPoint, 'round' | 'accuracy' | 'loss' | 'samples'>>()

  add(event: RunEvent): void {
    if (event.type === 'view') this.#first = Math.min(this.#first, event.time)
    else if (event.type === 'round') this.#addRound(event)
    else if (event.type === 'evaluated') this.#addEvaluation(event)
  }

  get history(): History {
    const inOrder = [...this.#rounds].sort(([a], [b]) => a - b)
    const sums = { samples: 0, sent: 0, received: 0 }
    const rounds = inOrder.map(([round, { time, loss, ...own }]) => {
      sums.samples += own.samples
      sums.sent += own.sent
      sums.received += own.received
      return { round, seconds: Math.max(0, time - this.#first) / 1000, ...sums, loss }
    })
    const evaluations = rounds.flatMap(({ round, seconds, sent }) => {
      const evaluation = this.#evaluations.get(round)
      return evaluation === undefined ? [] : [{ ...evaluation, seconds, sent }]
    })
    return { rounds, evaluations }
  }

  #addRound({ round, time, samples, loss, bytesSent, bytesReceived }: Extract<RunEvent, { type: 'round' }>): void {
    const sum = this.#rounds.get(round)
    // samples and loss are those of all contributors: every peer says the same
    if (sum === undefined) {
      this.#rounds.set(round, { time, samples, loss, sent: bytesSent, received: bytesReceived })
      return
    }
    sum.time = Math.max(sum.time, time)
    sum.sent += bytesSent
    sum.received += bytesReceived
  }

  /** The evaluation on most samples is kept; of models that differ, as those of gossip do, the one furthest behind. */
  #addEvaluation({ round, accuracy, loss, samples }: Extract<RunEvent, { type: 'evaluated' }>): void {
    const known = this.#evaluations.get(round)
    const behind = samples === known?.samples && accuracy < known.accuracy
    if (known === undefined || samples > known.samples || behind)
      this.#evaluations.set(round, { round, accuracy, loss, samples })
  }
}

/** The history in an `events.ndjson`. Errors: those of `readEvents`. */
export async function readHistory(file: string): Promise<History> {
  const builder = new HistoryBuilder()
  for await (const event of readEvents(file, { torn: false })) builder.add(event)
  return builder.history
}
