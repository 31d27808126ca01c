import { appendFileSync } from 'node:fs'
import type { PeerProcess } from './process.js'
import type { Use } from './protocol.js'
import type { RealSwarm } from './swarm.js'

/** What is looked at. */
export const HELD = ['resident', 'reserve', 'heapUsed', 'external', 'descriptors', 'timers'] as const
export type Held = (typeof HELD)[number]

/**
 * Share of the time in which caches fill and the compiler works: of thirty minutes the first twelve. In soaks whose
 * mappings were looked at, compiled code grew from 6 to 10 MB in the first ten, and by 0.6 to 0.8 MB in the next ten.
 */
const WARM_UP = 0.4

/** One measure of one survivor over time: a line through all samples after the warm-up. */
export interface Trend {
  /** at both ends of the line */
  readonly start: number
  readonly end: number
  /** per minute */
  readonly slope: number
  /** standard error of the slope: how far samples lie from the line says how well they tell it */
  readonly error: number
  readonly worst: number
}

export interface Survivor {
  readonly name: string
  readonly samples: number
  readonly trends: Readonly<Record<Held, Trend>>
}

/** Asks every peer again and again what it holds. */
export class Samples {
  readonly #swarm: RealSwarm
  readonly #interval: number
  readonly #file: string | undefined
  readonly #taken = new Map<PeerProcess, { minutes: number; use: Use }[]>()
  #timer: NodeJS.Timeout | undefined
  #started = 0
  #ended = 0

  /** @param file where each sample goes besides, a line of JSON for each */
  constructor(swarm: RealSwarm, interval: number, file?: string) {
    this.#swarm = swarm
    this.#interval = interval
    this.#file = file
  }

  start(): void {
    this.#started = performance.now()
    this.#timer = setInterval(() => {
      for (const life of this.#swarm.running) void this.#take(life)
    }, this.#interval)
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ended = performance.now()
  }

  /** Peers that were there from the first sample to the last. */
  survivors(): Survivor[] {
    const from = ((this.#ended - this.#started) / 60_000) * WARM_UP
    return this.#swarm.lives
      .filter((life) => this.#swarm.survived(life))
      .map((life) => {
        const taken = (this.#taken.get(life) ?? []).filter(({ minutes }) => minutes >= from)
        const trends = HELD.map((held) => [held, trend(taken.map(({ minutes, use }) => [minutes, use[held]]))] as const)
        return {
          name: this.#swarm.nameOf(life.peer!),
          samples: taken.length,
          trends: Object.fromEntries(trends) as Survivor['trends']
        }
      })
  }

  async #take(life: PeerProcess): Promise<void> {
    try {
      const use = await life.use()
      const taken = this.#taken.get(life) ?? []
      const minutes = (performance.now() - this.#started) / 60_000
      taken.push({ minutes, use })
      const { pid } = life
      if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify({ pid, minutes, ...use })}\n`)
      this.#taken.set(life, taken)
    } catch {
      // it was killed meanwhile
    }
  }
}

/** Least squares. */
export function trend(points: readonly (readonly [x: number, y: number])[]): Trend {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const spread = points.reduce((sum, [xi]) => sum + (xi - x) ** 2, 0)
  const slope = points.reduce((sum, [xi, yi]) => sum + (xi - x) * (yi - y), 0) / spread
  const at = (minutes: number) => y + slope * (minutes - x)
  const rest = points.reduce((sum, [xi, yi]) => sum + (yi - at(xi)) ** 2, 0)
  return {
    start: at(points[0]?.[0] ?? NaN),
    end: at(points.at(-1)?.[0] ?? NaN),
    slope,
    error: Math.sqrt(rest / (points.length - 2) / spread),
    worst: Math.max(...points.map(([, y]) => y))
  }
}
