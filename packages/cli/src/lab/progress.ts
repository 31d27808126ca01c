import { say } from '../output/print.js'
import { percent, seconds } from '../output/units.js'
import type { Cell } from './cells.js'
import type { Outcome } from './outcome.js'

/** Milliseconds between two lines about a cell that takes long. */
const LINE = 10_000

/** A cell that runs. */
interface Running {
  rounds: number
  /** milliseconds */
  readonly begun: number
}

/** Which cells of how many run, how far each is, and how long the rest may take, on standard error. */
export class GridProgress {
  readonly #cells: readonly Cell[]
  readonly #timer: ReturnType<typeof setInterval> | undefined
  readonly #started = performance.now()
  readonly #running = new Map<Cell, Running>()
  readonly #over = new Set<Cell>()

  /** @param lines says how far each is, now and then */
  constructor(cells: readonly Cell[], { lines }: { readonly lines: boolean }) {
    this.#cells = cells
    this.#timer = lines ? setInterval(() => this.#lines(), LINE) : undefined
  }

  begin(cell: Cell): void {
    this.#running.set(cell, { rounds: 0, begun: performance.now() })
  }

  round(cell: Cell, rounds: number): void {
    const running = this.#running.get(cell)
    if (running !== undefined) running.rounds = Math.max(running.rounds, rounds)
  }

  end(cell: Cell, { best, last, ended, seconds: took }: Outcome): void {
    this.#finish(cell)
    const accuracy = `accuracy ${percent(last)}, best ${percent(best)}`
    const how = ended === null ? accuracy : `${accuracy}; ended early: ${ended.message.split('\n')[0]}`
    say(`${this.#name(cell)}: ${how} (${seconds(took)}${this.#left()})`)
  }

  fail(cell: Cell, reason: string): void {
    this.#finish(cell)
    say(`${this.#name(cell)} failed: ${reason}`)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #finish(cell: Cell): void {
    this.#running.delete(cell)
    this.#over.add(cell)
  }

  #lines(): void {
    for (const [cell, { rounds, begun }] of this.#running) {
      const total = cell.options.rounds
      const rate = (1000 * rounds) / (performance.now() - begun)
      const of = total === 0 ? '' : ` of ${total}`
      say(`${this.#name(cell)}: ${rounds}${of} rounds, ${rate.toFixed(1)} a second${this.#left()}`)
    }
  }

  #name(cell: Cell): string {
    return `cell ${this.#cells.indexOf(cell) + 1} of ${this.#cells.length}, ${cell.name}`
  }

  /** By the time that cells took so far, each weighted by its peers and rounds. */
  #left(): string {
    const sum = (work: (cell: Cell) => number) => this.#cells.reduce((total, cell) => total + work(cell), 0)
    const whole = ({ options }: Cell) => options.peers * Math.max(1, options.rounds)
    const all = sum(whole)
    const done = sum((cell) => {
      if (this.#over.has(cell)) return whole(cell)
      return cell.options.peers * (this.#running.get(cell)?.rounds ?? 0)
    })
    if (done === 0 || done >= all) return ''
    return `, ${seconds(((performance.now() - this.#started) / 1000) * (all / done - 1))} left`
  }
}
