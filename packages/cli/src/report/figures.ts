import type { History } from '../compare/history.js'
import type { Figure, Scale } from '../output/page.js'

type Point = { readonly round: number; readonly seconds: number; readonly sent: number }

const X: readonly (Scale & { readonly of: (point: Point) => number })[] = [
  { label: 'seconds', unit: 'number', of: ({ seconds }) => seconds },
  { label: 'bytes sent by all peers', unit: 'bytes', of: ({ sent }) => sent },
  { label: 'rounds', unit: 'number', of: ({ round }) => round + 1 }
]

/** Accuracy and loss of one run against seconds, bytes and rounds. */
export function runFigures(label: string, { rounds, evaluations }: History): Figure[] {
  const figures = <P extends Point>(y: Scale, of: readonly P[], value: (point: P) => number) =>
    X.map(({ of: across, ...x }) => ({
      caption: `${y.label} by ${x.label}`,
      x,
      y,
      points: y.unit === 'share',
      curves: [{ label, x: of.map(across), y: of.map(value) }]
    }))
  return [
    ...figures({ label: 'test accuracy', unit: 'share' }, evaluations, ({ accuracy }) => accuracy),
    ...figures({ label: 'training loss', unit: 'loss' }, rounds, ({ loss }) => loss)
  ]
}
