import type { ErrorCode } from '@peergrad/core'
import type { Cell } from './cells.js'
import type { Outcome } from './outcome.js'

/** One cell of a grid in a report: what was run, and what it came to or why it did not. */
export type Row = Pick<
  Cell,
  'name' | 'strategy' | 'aggregator' | 'preAggregators' | 'attack' | 'byzantine' | 'partition' | 'seed' | 'others'
> & {
  /** data, gradient, payload or protocol; null when nobody is hostile */
  readonly level: string | null
  readonly peers: number
  /** f that rules were told, or that the rule says itself */
  readonly declared: number
  /** rounds in which the attack plays, as `--attack-schedule` has them; null: all, and no attack. Earlier reports have none */
  readonly attackSchedule?: string | null
} & (
    | ({ readonly status: 'finished' } & Outcome)
    | ({ readonly status: 'refused' } & Reason)
    | ({ readonly status: 'failed' } & Reason)
    /** not begun yet, or Ctrl+C came before its end */
    | { readonly status: 'stopped' }
  )

interface Reason {
  readonly code: ErrorCode
  readonly reason: string
  /** whose mistake it was, where it was a plug-in's */
  readonly plugin?: string
}

export type FinishedRow = Extract<Row, { status: 'finished' }>

export function isFinished(row: Row): row is FinishedRow {
  return row.status === 'finished'
}

/** What a row says of its cell. */
export function factsOf(cell: Cell): Omit<Row, 'status'> {
  const { name, strategy, aggregator, preAggregators, attack, byzantine, shown, partition, seed, others } = cell
  const level = 'code' in cell.plan ? null : (cell.plan.attack?.attack.level ?? null)
  const plays = 'code' in cell.plan || cell.plan.attack !== undefined
  const facts = {
    name,
    strategy,
    aggregator,
    preAggregators,
    attack,
    byzantine,
    declared: shown,
    partition,
    seed,
    others
  }
  return { ...facts, level, peers: cell.options.peers, attackSchedule: plays ? cell.schedule : null }
}

/** The rule as a report calls it: what comes before it, then itself. */
export function defenceOf({ preAggregators, aggregator }: Pick<Row, 'preAggregators' | 'aggregator'>): string {
  return [...preAggregators, aggregator].join(' → ')
}
