import {
  PeergradError,
  type Clock,
  type Engine,
  type Mesh,
  type PeerId,
  type RunEvent,
  type Strategy
} from '@peergrad/core'
import type { PeerRuntimeInit } from './runtime/peer-init.js'
import type { EventBody } from './runtime/journal.js'
import { wireBytes } from './runtime/shape.js'

/** Milliseconds between two reports: they are as long as there are links. */
const EVERY = 5000

/** Links of which a report comes so often; of more it comes more seldom, and a day of reports is as long. */
const LINKS = 16

export interface LinkReportInit {
  readonly mesh: Pick<Mesh, 'self' | 'links'>
  readonly strategy: Strategy
  readonly engine: Pick<Engine, 'layout'>
  readonly codec?: PeerRuntimeInit['codec']
  readonly clock: Clock
}

/** Tells bytes on each link beside the strategy's formula, which it sums over the rounds that it is shown. */
export class LinkReport {
  readonly #init: LinkReportInit
  readonly #bytes: number
  /** members of each view that a round to come may be of: the next one is told before the round at whose end it was made */
  readonly #views = new Map<number, readonly PeerId[]>()
  #reported = -Infinity
  #round = -1
  /** of the rounds before the last one */
  readonly #past = { sent: 0, received: 0 }
  #last: { readonly peers: number; readonly rank: number } | undefined

  constructor(init: LinkReportInit) {
    this.#init = init
    this.#bytes = wireBytes(init.codec?.codec, init.engine.layout)
  }

  /** A report when one is due after this event. */
  after(event: RunEvent): EventBody | undefined {
    if (event.type === 'view') this.#views.set(event.number, event.members)
    if (event.type !== 'round') return undefined
    this.#addRound(event)
    const now = this.#init.clock.now()
    if (now - this.#reported < EVERY * Math.max(1, this.#init.mesh.links().length / LINKS)) return undefined
    this.#reported = now
    return this.report(false)
  }

  /** @param over the last round was the run's */
  report(over: boolean): EventBody {
    const last = this.#last && this.#formula(this.#last, over)
    return {
      type: 'links',
      round: this.#round,
      links: this.#init.mesh.links(),
      formula: {
        sent: this.#past.sent + (last?.sent ?? 0),
        received: this.#past.received + (last?.received ?? 0)
      }
    }
  }

  #addRound({ round, view }: Extract<RunEvent, { type: 'round' }>): void {
    if (this.#last !== undefined) {
      const { sent, received } = this.#formula(this.#last, false)
      this.#past.sent += sent
      this.#past.received += received
    }
    this.#round = round
    for (const number of this.#views.keys()) if (number < view) this.#views.delete(number)
    const members = this.#views.get(view) ?? []
    const rank = members.indexOf(this.#init.mesh.self)
    // one that only follows the rounds of the others gives and takes nothing by the formula
    this.#last = rank < 0 ? undefined : { peers: members.length, rank }
  }

  #formula(init: { readonly peers: number; readonly rank: number }, last: boolean) {
    const { strategy } = this.#init
    const said: unknown = strategy.traffic({ ...init, bytes: this.#bytes, last })
    const { sent, received } = (said ?? {}) as { readonly sent?: unknown; readonly received?: unknown }
    if (isNumber(sent) && isNumber(received)) return { sent, received }
    const who = `strategy ${strategy.name}`
    const message = `${who}: traffic gave ${JSON.stringify(said) ?? 'nothing'}, expected { sent, received } in bytes`
    throw new PeergradError('argument', message, { plugin: who })
  }
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}
