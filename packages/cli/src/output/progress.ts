import type { WriteStream } from 'node:tty'
import { rate, type PeerTally, type Tally } from '../tally.js'
import { table } from './table.js'
import { bytes, percent, seconds, whole } from './units.js'

const REDRAW = 200
const LINE = 5000
const HEADINGS = ['peer', 'round', 'loss', 'accuracy', 'samples/s', 'in', 'out', 'phase']

/**
 * What each peer does, on standard error: a table drawn again in place on a terminal, elsewhere one line for each
 * peer every few seconds.
 */
export class Progress {
  readonly #tally: Tally
  readonly #name: (id: string) => string
  readonly #out: NodeJS.WriteStream | WriteStream
  readonly #started = performance.now()
  readonly #timer: ReturnType<typeof setInterval>
  #drawn = 0

  constructor(tally: Tally, name: (id: string) => string, out: NodeJS.WriteStream | WriteStream = process.stderr) {
    this.#tally = tally
    this.#name = name
    this.#out = out
    this.#timer = setInterval(() => (out.isTTY ? this.#redraw() : this.#lines()), out.isTTY ? REDRAW : LINE)
  }

  /** A sentence above the table. */
  say(text: string): void {
    this.#erase()
    this.#out.write(`${text}\n`)
    if (this.#out.isTTY) this.#redraw()
  }

  /** Draws for the last time. */
  close(): void {
    clearInterval(this.#timer)
    if (this.#out.isTTY) this.#redraw()
    else this.#lines()
  }

  #redraw(): void {
    const rows = [...this.#tally.peers.values()].map((peer) => row(peer, this.#name(peer.id)))
    this.#erase()
    if (rows.length === 0) return
    const width = this.#out.columns ?? 80
    const lines = [`  ${this.#elapsed()}`, ...table(HEADINGS, rows)].map((line) => line.slice(0, width - 1))
    this.#out.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
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

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
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
