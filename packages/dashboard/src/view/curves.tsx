import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { lineStyle, pageColours } from '../colours.js'
import type { Player } from '../player.js'
import type { RunState } from '../state/state.js'
import { shortName } from '../text.js'
import { Chart } from './chart.js'
import { accuracyColumns, lossColumns, type Columns } from './curve-data.js'

const HEIGHT = 220
/** Milliseconds between two paintings. */
const EVERY = 500

interface Curve {
  readonly title: string
  readonly columns: (state: RunState) => Columns
  readonly show: (value: number) => string
  readonly points: boolean
}

const CURVES: readonly Curve[] = [
  { title: 'Training loss by round', columns: lossColumns, show: (value) => value.toPrecision(3), points: false },
  { title: 'Test accuracy by round', columns: accuracyColumns, show: (value) => `${value.toFixed(1)} %`, points: true }
]

/** Loss and accuracy, a line for each peer. */
export function Curves({ player }: { readonly player: Player }) {
  return (
    <section aria-labelledby="curves">
      <h2 id="curves">Learning</h2>
      <p class="note">
        A line for each peer. Peers that hold one model have one loss, so their lines lie upon one another; the numbers
        stand in the table of peers.
      </p>
      <div class="charts">
        {CURVES.map((curve) => (
          <CurveFigure key={curve.title} player={player} curve={curve} />
        ))}
      </div>
    </section>
  )
}

function CurveFigure({ player, curve }: { readonly player: Player; readonly curve: Curve }) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => (host.current === null ? undefined : draw(host.current, player, curve)), [])
  return (
    <figure>
      <figcaption>{curve.title}</figcaption>
      <div ref={host} role="img" aria-label={`${curve.title}, a line for each peer`} />
    </figure>
  )
}

function draw(host: HTMLElement, player: Player, curve: Curve): () => void {
  let names: string[] = []
  const chart = new Chart({
    host,
    options: (width) => options(width, names, curve),
    data: () => [[], ...names.map(() => [])],
    onStale: () => player.repaint()
  })
  const paint = (state: RunState) => {
    if (state.peers.length !== names.length) {
      names = state.peers.map(({ id }) => shortName(id))
      chart.remake()
    }
    chart.plot.setData(curve.columns(state) as uPlot.AlignedData)
  }
  const remove = player.onPaint({ paint, every: EVERY, seen: chart.seen })
  return () => {
    remove()
    chart.close()
  }
}

function options(width: number, names: readonly string[], { show, points }: Curve): uPlot.Options {
  const { text, grid } = pageColours()
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } }
  const value = (_: uPlot, raw: number | null) => (raw === null ? '–' : show(raw))
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false } },
    axes: [axis, { ...axis, size: 60, values: (_, splits) => splits.map(show) }],
    series: [
      { label: 'round' },
      ...names.map((label, index) => ({
        label,
        ...lineStyle(index),
        width: 1.5,
        spanGaps: true,
        points: { show: points, size: 5 },
        value
      }))
    ]
  }
}
