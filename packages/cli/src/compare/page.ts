import { page as reportPage, type Figure, type Scale } from '../output/page.js'
import { finished, title, type Comparison, type Finished } from './comparison.js'
import { remarks, tables } from './tables.js'

type Point = { readonly round: number; readonly seconds: number; readonly sent: number }

interface Axis extends Scale {
  readonly of: (strategy: Finished, point: Point) => number
}

const X: readonly Axis[] = [
  { label: 'seconds', unit: 'number', of: (_, { seconds }) => seconds },
  { label: 'bytes sent by all peers', unit: 'bytes', of: (_, { sent }) => sent },
  { label: 'optimiser steps', unit: 'number', of: ({ steps, rounds }, { round }) => ((round + 1) * steps) / rounds }
]

/** `compare.html`: accuracy and loss against seconds, bytes and steps, then the tables. */
export function page(comparison: Comparison): string {
  const { command, machine, date } = comparison
  const rows = finished(comparison)
  const accuracy = X.map((x) =>
    figure(x, { label: 'test accuracy', unit: 'share' }, rows, ({ history }) => [history.evaluations, accuracyOf])
  )
  const loss = X.map((x) =>
    figure(x, { label: 'training loss', unit: 'loss' }, rows, ({ history }) => [history.rounds, lossOf])
  )
  return reportPage({
    title: title(comparison),
    command,
    made: `${machine}, ${date.slice(0, 10)}`,
    remarks: remarks(comparison),
    figures: rows.length === 0 ? [] : [...accuracy, ...loss],
    numbers: 'compare.json',
    tables: tables(comparison)
  })
}

function figure<P extends Point>(
  { of, ...x }: Axis,
  y: Scale,
  rows: readonly Finished[],
  points: (row: Finished) => readonly [readonly P[], (point: P) => number]
): Figure {
  return {
    caption: `${y.label} by ${x.label}`,
    x,
    y,
    points: y.unit === 'share',
    curves: rows.map((row) => {
      const [own, value] = points(row)
      return { label: row.strategy, x: own.map((point) => of(row, point)), y: own.map(value) }
    })
  }
}

function accuracyOf({ accuracy }: { readonly accuracy: number }): number {
  return accuracy
}

function lossOf({ loss }: { readonly loss: number }): number {
  return loss
}
