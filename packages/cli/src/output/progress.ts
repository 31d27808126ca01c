import type { WriteStream } from 'node:tty'
import { rate, type PeerTally, type Tally } from '../tally.js'
import { sayable } from './print.js'
import { table } from './table.js'
import { bytes, percent, seconds, whole } from './units.js'

const REDRAW = 200
const LINE = 5000
const HEADINGS = ['peer', 'round', 'loss', 'accuracy', 'samples/s', 'in', 'out', 'phase']
/** What a window that is too narrow goes without, the first ones first. */
const SPARED = ['out', 'in', 'samples/s', 'accuracy', 'phase']
/** Lines of a window that are not peers: time, headings, how many more there are, and the prompt below. */
const OTHER_LINES = 4
const WIDTH = 80

/**
 * What each peer does, on standard error: a table drawn again in place on a terminal, elsewhere one line for each
 * peer every few seconds.
 */
export class Progress {
  readonly #tally: Tally
  readonly #name: (id: string) => string
  readonly #out: NodeJS.WriteStream | WriteStream
  /** it can be drawn in place */
  readonly #live: boolean
  readonly #quiet: boolean
  readonly #started = performance.now()
  readonly #timer: ReturnType<typeof setInterval>
  /** lengths of the lines that were drawn last */
  #drawn: readonly number[] = []

  /** @param quiet where it cannot be drawn in place, nothing is shown but what is said */
  constructor(
    tally: Tally,
    name: (id: string) => string,
    out: NodeJS.WriteStream | WriteStream = process.stderr,
    quiet = false
  ) {
    this.#tally = tally
    this.#name = name
    this.#out = out
    this.#live = out.isTTY && process.env['TERM'] !== 'dumb'
    this.#quiet = quiet
    this.#timer = setInterval(() => this.#show(), this.#live ? REDRAW : LINE)
  }

  /** A sentence above the table. */
  say(text: string): void {
    this.sayLine(sayable(text))
  }

  /** A line above the table, with its colours. */
  sayLine(text: string): void {
    this.#erase()
    this.#out.write(`${text}\n`)
    if (this.#live) this.#redraw()
  }

  /** Draws for the last time. */
  close(): void {
    clearInterval(this.#timer)
    this.#show()
  }

  #show(): void {
    if (this.#live) this.#redraw()
    else if (!this.#quiet) this.#lines()
  }

  #redraw(): void {
    const peers = [...this.#tally.peers.values()]
    this.#erase()
    if (peers.length === 0) return
    const width = (this.#out.columns ?? WIDTH) - 1
    const most = Math.max(1, (this.#out.rows ?? Infinity) - OTHER_LINES)
    const rows = peers.slice(0, most).map((peer) => row(peer, this.#name(peer.id)))
    const more = peers.length > most ? [`  and ${peers.length - most} more peers`] : []
    const lines = [`  ${this.#elapsed()}`, ...fitting(rows, width), ...more].map((line) => line.slice(0, width))
    this.#out.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.map(({ length }) => length)
  }

  #lines(): void {
    for (const peer of this.#tally.peers.values()) {
      const [name, round, loss, accuracy, samples, received, sent, phase] = row(peer, this.#name(peer.id))
      const facts = `round ${round}  loss ${loss}  accuracy ${accuracy}  ${samples} samples/s  in ${received}  out ${sent}`
      this.#out.write(`${this.#elapsed()}  peer ${name}  ${facts}  ${phase}\n`)
    }
  }

  #elapsed(): string {
    return seconds((performance.now() - this.#started) / 1000)
  }

  /** A window that became narrower has broken the lines that were drawn. */
  #erase(): void {
    const width = this.#out.columns ?? WIDTH
    const rows = this.#drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / width)), 0)
    if (rows > 0) this.#out.write(`\u001b[${rows}A\u001b[J`)
    this.#drawn = []
  }
}

/** The table with as many columns as there is room for. */
function fitting(rows: readonly (readonly string[])[], width: number): string[] {
  let shown = HEADINGS
  for (let spared = 0; ; spared++) {
    const columns = shown.map((heading) => HEADINGS.indexOf(heading))
    const lines = table(
      shown,
      rows.map((cells) => columns.map((column) => cells[column] ?? ''))
    )
    const next = SPARED[spared]
    if (next === undefined || lines.every(({ length }) => length <= width)) return lines
    shown = shown.filter((heading) => heading !== next)
  }
}

function row(peer: PeerTally, name: string): string[] {
  const samples = rate(peer)
  return [
    name,
    peer.round < 0 ? '–' : String(peer.round + 1),
    peer.loss === undefined ? '–' : peer.loss.toFixed(4),
    percent(peer.accuracy),
    samples === undefined ? '–' : whole(samples),
    bytes(peer.bytesReceived),
    bytes(peer.bytesSent),
    peer.phase
  ]
}
