import { isFinished, type FinishedRow, type Row } from './row.js'

export interface CsvColumn {
  /** with the unit */
  readonly key: string
  readonly value: (row: Row) => string | number | boolean | null | undefined
}

export const CSV_COLUMNS: readonly CsvColumn[] = [
  column('strategy', ({ strategy }) => strategy),
  column('preAggregators', ({ preAggregators }) => preAggregators.join(' ')),
  column('aggregator', ({ aggregator }) => aggregator),
  column('attack', ({ attack }) => attack),
  column('level', ({ level }) => level),
  column('attackSchedule', ({ attackSchedule }) => attackSchedule),
  column('peers', ({ peers }) => peers),
  column('byzantine', ({ byzantine }) => byzantine),
  column('declared', ({ declared }) => declared),
  column('partition', ({ partition }) => partition),
  column('seed', ({ seed }) => seed),
  column('others', ({ others }) => (Object.keys(others).length === 0 ? '' : JSON.stringify(others))),
  column('status', ({ status }) => status),
  column('reason', (row) => ('reason' in row ? row.reason : isFinished(row) ? row.ended?.message : '')),
  finished('best', ({ best }) => best),
  finished('last', ({ last }) => last),
  finished('attackSuccess', ({ success }) => success),
  finished('rounds', ({ rounds }) => rounds),
  finished('seconds', ({ seconds }) => seconds),
  finished('held', ({ standing }) => standing.held),
  finished('roundsDelayed', ({ standing }) => standing.delayed),
  finished('bytesWasted', ({ standing }) => standing.wasted),
  finished('roundsToExclusion', ({ standing }) => standing.exclusion),
  finished('parametersHash', ({ parametersHash }) => parametersHash)
]

function column(key: string, value: CsvColumn['value']): CsvColumn {
  return { key, value }
}

function finished(key: string, value: (row: FinishedRow) => ReturnType<CsvColumn['value']>): CsvColumn {
  return { key, value: (row) => (isFinished(row) ? value(row) : undefined) }
}
