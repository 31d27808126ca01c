import { say } from '../output/print.js'
import { percent, seconds } from '../output/units.js'
import type { Cell } from './cells.js'
import type { Outcome } from './outcome.js'

/** Milliseconds between two lines about a cell that takes long. */
const LINE = 10_000

/** Which cell of how many runs, how far it is, and how long the rest may take, on standard error. */
export class GridProgress {
  readonly #cells: readonly Cell[]
  readonly #timer: ReturnType<typeof setInterval>
  readonly #started = performance.now()
  #index = -1
  #rounds = 0
  #begun = 0

  constructor(cells: readonly Cell[]) {
    this.#cells = cells
    this.#timer = setInterval(() => this.#line(), LINE)
  }

  begin(cell: Cell): void {
    this.#index = this.#cells.indexOf(cell)
    this.#rounds = 0
    this.#begun = performance.now()
  }

  round(rounds: number): void {
    this.#rounds = Math.max(this.#rounds, rounds)
  }

  end({ best, last, ended, seconds: took }: Outcome): void {
    const accuracy = `accuracy ${percent(last)}, best ${percent(best)}`
    const how = ended === null ? accuracy : `${accuracy}; ended early: ${ended.message.split('\n')[0]}`
    say(`${this.#cell()}: ${how} (${seconds(took)}${this.#left()})`)
  }

  fail(reason: string): void {
    say(`${this.#cell()} failed: ${reason}`)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #line(): void {
    const total = this.#cells[this.#index]?.options.rounds ?? 0
    const rate = (1000 * this.#rounds) / (performance.now() - this.#begun)
    const of = total === 0 ? '' : ` of ${total}`
    if (this.#index >= 0)
      say(`${this.#cell()}: ${this.#rounds}${of} rounds, ${rate.toFixed(1)} a second${this.#left()}`)
  }

  #cell(): string {
    return `cell ${this.#index + 1} of ${this.#cells.length}, ${this.#cells[this.#index]?.name}`
  }

  /** By the time that a cell took so far, each weighted by its peers and rounds. */
  #left(): string {
    const work = ({ options }: Cell) => options.peers * Math.max(1, options.rounds)
    const all = this.#cells.reduce((sum, cell) => sum + work(cell), 0)
    const current = this.#cells[this.#index]
    const before = this.#cells.slice(0, this.#index).reduce((sum, cell) => sum + work(cell), 0)
    const done = before + (current === undefined ? 0 : current.options.peers * this.#rounds)
    if (done === 0 || done >= all) return ''
    return `, ${seconds(((performance.now() - this.#started) / 1000) * (all / done - 1))} left`
  }
}
