import type { Table } from '../output/page.js'
import { unfinished } from '../output/unfinished.js'
import { percent, seconds, whole } from '../output/units.js'
import { COST, dollars, TARGET, TIMES, TRAFFIC, WORK, type Column } from './columns.js'
import { finished, type Comparison, type Finished } from './comparison.js'
import type { Published, PublishedRow } from './published.js'

export function tables(comparison: Comparison): Table[] {
  const { targetAccuracy, published } = comparison
  const rows = finished(comparison)
  if (rows.length === 0) return []
  const all = [
    table('The work', WORK, rows, [
      'Time: from the first view to the end of the last round. Steps: of the optimiser. Syncs: synchronisations; one that takes more minibatches makes fewer of them, of as many samples. Accuracy, loss: the last model on all test samples. Memory: peak of the peer process that held most.'
    ]),
    table('Bytes of all peers', TRAFFIC, rows, [
      "Counted on the links, control messages included, beside the strategy's formula, which is for vectors and runs without faults. Deviation: counted against the formula, of sent and received together; then of vectors alone. With a filter the formula is what it would be without one. Saved: what filter and codec spared of the contributions."
    ]),
    table('Time in each phase', TIMES, rows, [
      'Mean over the peers. Phases overlap where a peer does several things at once, as when it stores one gradient while it computes another.'
    ]),
    table('What it would have cost there', COST, rows, [
      'An estimate: what this run would have cost on the cloud of the papers, at list prices, with the seconds and the memory measured here. No cloud was used, and its machines take other times.',
      ...models(rows),
      'On Lambda, EC2, GPUs: the same seconds of one function, one c5.xlarge, one g4dn.xlarge for each peer.'
    ])
  ]
  if (targetAccuracy !== null) {
    const note =
      'The end of the round whose model first had it at an evaluation, which while a run goes on is on a part of the test samples. Sent: by all peers until then. The runs go on after it.'
    all.splice(1, 0, table(`To an accuracy of ${percent(targetAccuracy)}`, TARGET, rows, [note]))
  }
  return published === null ? all : [...all, publishedTable(published, rows)]
}

/** What is to be known beside the numbers: who has none and why, and whose run let peers go, lost some, or read less than it might. */
export function remarks({ strategies }: Comparison): string[] {
  return strategies.flatMap((row) => {
    // a crash has the end of a log behind it, which compare.json keeps
    if (row.status === 'failed') return [`${row.strategy} failed: ${row.reason.split('\n')[0]}`]
    if (row.status === 'stopped') return [`${row.strategy} was stopped or not begun; the same command goes on with it`]
    const { strategy, peers, unread } = row
    return [
      ...unfinished(peers).map((words) => `${strategy}: ${words}`),
      ...(unread === 0
        ? []
        : [`${strategy}: its rounds had ${whole(unread)} samples more, of which no step was in time`])
    ]
  })
}

/** Columns in which no row says anything are left out. */
function table(
  heading: string,
  columns: readonly Column[],
  rows: readonly Finished[],
  notes: readonly string[]
): Table {
  const known = columns.filter(
    ({ value, unknown }) => unknown !== undefined || rows.some((row) => typeof value(row) === 'number')
  )
  return {
    heading,
    columns: ['strategy', ...known.map((column) => column.heading)],
    rows: rows.map((row) => [row.strategy, ...known.map((column) => cell(column, row))]),
    notes
  }
}

function cell({ value, show, unknown }: Column, row: Finished): string {
  return text(value(row), show, unknown)
}

function text(value: number | null | undefined, show: (value: number) => string, unknown = '–'): string {
  return value === null || value === undefined ? unknown : show(value)
}

function models(rows: readonly Finished[]): string[] {
  const byModel = new Map<string, string[]>()
  for (const { strategy, cost } of rows) {
    if (cost !== null) byModel.set(cost.model, [...(byModel.get(cost.model) ?? []), strategy])
  }
  return [...byModel].map(([model, names]) => `${names.join(', ')}: priced as ${model}.`)
}

/** Each published architecture, and below it the strategies here that are it. */
function publishedTable({ source, setting, rows, cautions }: Published, ours: readonly Finished[]): Table {
  return {
    heading: 'Beside the published table',
    columns: ['', 'an epoch', 'memory', 'Lambda, an epoch', 'total, an epoch', 'accuracy', 'after'],
    rows: rows.flatMap((row) => [
      publishedRow(row),
      ...ours.filter(({ name }) => name === row.strategy).map((each) => ourRow(each))
    ]),
    notes: [`Published: ${source}; ${setting}. MB of 2^20 bytes.`, ...cautions]
  }
}

function publishedRow(row: PublishedRow): string[] {
  const { architecture, secondsPerEpoch, memory, lambdaDollars, accuracy, minutes } = row
  return [
    `${architecture}, published`,
    seconds(secondsPerEpoch),
    `${memory} MB`,
    dollars(lambdaDollars),
    dollars(row.dollars),
    percent(accuracy),
    seconds(minutes * 60)
  ]
}

function ourRow({ strategy, epochs, seconds: time, peakMemoryBytes, cost, accuracy }: Finished): string[] {
  return [
    `${strategy}, here`,
    seconds(time / epochs),
    text(peakMemoryBytes, (value) => `${Math.round(value / 2 ** 20)} MB`),
    text(cost?.parts.functions, (value) => dollars(value / epochs)),
    text(cost?.dollars, (value) => dollars(value / epochs)),
    percent(accuracy),
    seconds(time)
  ]
}
