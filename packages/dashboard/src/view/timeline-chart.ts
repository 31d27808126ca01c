import type uPlot from 'uplot'
import { pageColours, PHASE_LETTERS, phaseColour } from '../colours.js'
import type { Player } from '../player.js'
import { EMPTY, type PeerState, type RunState } from '../state/state.js'
import { shortName } from '../text.js'
import { Chart } from './chart.js'
import { barsOf, roundEnds } from './timeline-bars.js'

/** Milliseconds between two paintings: each third frame where there are 60 a second. */
const EVERY = 48
const ROW = 22
/** Pixels that a letter needs, and rounds to be told apart. */
const LETTER = 14
const ROUND = 40

/** Draws the phases of all peers, a row for each, over the last `span` milliseconds before the position. */
export function drawTimeline(host: HTMLElement, player: Player, span: () => number): () => void {
  let shown: RunState = EMPTY
  let rows = 0
  const chart = new Chart({
    host,
    options: (width) => options(width, () => shown),
    data: () => [
      [0, 1],
      [null, null]
    ],
    onStale: () => player.repaint()
  })
  const paint = (state: RunState, position: number) => {
    shown = state
    if (rows !== state.peers.length) {
      rows = state.peers.length
      chart.remake()
    }
    const from = Math.max(0, position - span())
    chart.plot.setScale('x', { min: from / 1000, max: Math.max(position, from + 1) / 1000 })
  }
  const remove = player.onPaint({ paint, every: EVERY, seen: chart.seen })
  return () => {
    remove()
    chart.close()
  }
}

function options(width: number, shown: () => RunState): uPlot.Options {
  const { text, grid } = pageColours()
  const { peers } = shown()
  const axis = { stroke: text, ticks: { show: false } }
  return {
    width,
    height: 50 + ROW * Math.max(1, peers.length),
    legend: { show: false },
    cursor: { show: false },
    // the range is what setScale says
    scales: {
      x: { time: false, range: (_, min, max) => [min, max] },
      y: { range: [0, Math.max(1, peers.length)], dir: -1 }
    },
    axes: [
      { ...axis, grid: { stroke: grid, width: 1 }, values: (_, splits) => splits.map((value) => `${round(value)} s`) },
      {
        ...axis,
        size: 80,
        grid: { show: false },
        splits: () => peers.map((_, index) => index + 0.5),
        values: () => peers.map(({ id }) => shortName(id))
      }
    ],
    series: [{}, {}],
    hooks: { draw: [(plot) => paintBars(plot, shown())] }
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

function paintBars(plot: uPlot, { peers, time }: RunState): void {
  const { ctx, bbox } = plot
  const { min = 0, max = 0 } = plot.scales['x'] ?? {}
  if (max <= min) return
  const scale = bbox.width / ((max - min) * 1000)
  const window = { from: min * 1000, to: max * 1000, now: time, least: devicePixelRatio / scale }
  const across = (milliseconds: number) => bbox.left + (milliseconds - window.from) * scale
  const height = bbox.height / Math.max(1, peers.length)
  const bars = new Map<string, Box[]>()
  const letters: Letter[] = []
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  for (const [row, peer] of peers.entries()) {
    const top = bbox.top + row * height
    for (const { phase, from, to } of barsOf(peer, window)) {
      const left = Math.round(across(from))
      const width = Math.max(1, Math.round(across(to)) - left)
      const boxes = bars.get(phase) ?? []
      if (boxes.length === 0) bars.set(phase, boxes)
      boxes.push({ left, top: Math.round(top + height * 0.12), width, height: Math.round(height * 0.76) })
      const letter = Object.hasOwn(PHASE_LETTERS, phase) ? PHASE_LETTERS[phase] : undefined
      if (letter !== undefined && width > LETTER * devicePixelRatio)
        letters.push({ letter, x: left + width / 2, y: top + height / 2 })
    }
  }
  for (const [phase, boxes] of bars) {
    ctx.fillStyle = phaseColour(phase)
    // one path of all would be filled much more slowly
    for (const box of boxes) ctx.fillRect(box.left, box.top, box.width, box.height)
  }
  const { back } = pageColours()
  paintLetters(ctx, letters, back)
  for (const [row, peer] of peers.entries())
    paintRounds(ctx, peer, { ...window, across, top: bbox.top + row * height, height })
  ctx.restore()
}

interface Letter {
  readonly letter: string
  readonly x: number
  readonly y: number
}

/** In pixels of the canvas. */
interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

function paintLetters(ctx: CanvasRenderingContext2D, letters: readonly Letter[], colour: string) {
  ctx.fillStyle = colour
  ctx.font = `bold ${10 * devicePixelRatio}px system-ui, sans-serif`
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  for (const { letter, x, y } of letters) ctx.fillText(letter, x, y)
}

interface Row {
  readonly from: number
  readonly to: number
  readonly across: (milliseconds: number) => number
  readonly top: number
  readonly height: number
}

/** A stroke where a round ended, where there is room for it. */
function paintRounds(ctx: CanvasRenderingContext2D, peer: PeerState, { from, to, across, top, height }: Row): void {
  const ends = roundEnds(peer, from, to)
  if (across(to) - across(from) < ends.length * (ROUND / 4)) return
  ctx.fillStyle = pageColours().text
  for (const { time } of ends)
    ctx.fillRect(Math.round(across(time)), Math.round(top), Math.ceil(devicePixelRatio), Math.round(height))
}
