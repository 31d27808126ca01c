import { setMaxListeners } from 'node:events'
import { PeergradError, random, type Proposal, type RoundContext } from '@peergrad/core'
import { deferred, orAborted } from '../deferred.js'
import type { Exchange } from './exchange.js'
import { gradients } from './gradients.js'
import { roundKey } from './round-services.js'
import { callStrategy } from './strategy-call.js'

/**
 * One call of the strategy. It starts without a proposal while this peer computes, is bound to the newest one when
 * the strategy first asks for the agreed contributions, and is given up when a later ballot overtakes that one.
 */
export class Attempt {
  readonly #exchange: Exchange
  readonly #number: number
  readonly #controller = new AbortController()
  readonly #proposed = deferred<void>()
  #offered: { ballot: number; proposal: Proposal } | undefined
  #bound = false

  constructor(exchange: Exchange, number: number, proposed?: { ballot: number; proposal: Proposal }) {
    this.#exchange = exchange
    this.#number = number
    // the gradients of all its minibatches listen at once
    setMaxListeners(0, this.#controller.signal)
    if (proposed !== undefined) this.offer(proposed.ballot, proposed.proposal)
  }

  get bound(): boolean {
    return this.#bound
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted
  }

  get ballot(): number | undefined {
    return this.#offered?.ballot
  }

  /** Takes a proposal, unless the attempt is bound to an earlier one already. */
  offer(ballot: number, proposal: Proposal): boolean {
    if (this.#bound) return false
    this.#offered = { ballot, proposal }
    this.#proposed.resolve()
    return true
  }

  abort(): void {
    this.#controller.abort(new PeergradError('aborted', 'this attempt of the round was overtaken'))
  }

  /** Runs the strategy. Resolves with the ballot and proposal that it ended for and the key of what it returned. */
  async run(): Promise<{ ballot: number; proposal: Proposal; key: string }> {
    const { strategy, manifest } = this.#exchange.services
    const key = await callStrategy(strategy, this.#context(), manifest.deadline)
    return { ...(await this.#bind()), key }
  }

  async #bind(): Promise<{ ballot: number; proposal: Proposal }> {
    const { own, init } = this.#exchange
    if (own.cut === undefined) {
      const message = `round ${init.round} goes on without contribute(), expected it before agreed() is awaited or the round ends`
      throw this.#wrong(message)
    }
    await this.#exchange.measure('wait', () => orAborted(this.#proposed.promise, this.#controller.signal))
    this.#bound = true
    return this.#offered as { ballot: number; proposal: Proposal }
  }

  #context(): RoundContext {
    const exchange = this.#exchange
    const { services, init } = exchange
    const { engine, store, clock, self } = services
    const { signal } = this.#controller
    return {
      round: init.round,
      attempt: this.#number,
      view: init.view,
      self,
      rank: init.view.members.indexOf(self),
      engine,
      store,
      clock,
      random: random(services.manifest.seed, 'round', init.round),
      signal,
      state: init.state,
      optimiser: services.manifest.optimiser,
      steps: init.steps,
      learningRate: init.learningRate,
      minibatches: init.minibatches,
      key: (name) => roundKey(init.round, this.#number === 0 ? name : `${name}:${this.#number}`),
      measure: (phase, work) => exchange.measure(phase, work),
      gradient: gradients(services, init.state, { signal, measure: (phase, work) => exchange.measure(phase, work) }),
      own: (name) => services.own.key(name),
      keep: (name, key) => services.own.keep(name, key),
      contribute: (make, parts = 1) => exchange.own.give(make, parts),
      given: (members) => orAborted(exchange.turnout.reaches(members), signal),
      lasting: (work, enough) => exchange.measure('compute', () => services.lasting.wait(work, enough, init, signal)),
      agreed: async () => (await this.#bind()).proposal.contributions,
      fetch: (manifests, part) =>
        exchange.measure('fetch', () => exchange.contributions.fetch(manifests, signal, part)),
      aggregate: (keys, manifests, to, part) =>
        exchange.measure('aggregate', () => exchange.aggregate(keys, manifests, to, { part, signal })),
      ring: () => {
        const { contributions, ring } = this.#required().proposal
        return ring === undefined ? contributions : ring.map((index) => contributions[index])
      },
      last: () => this.#required().proposal.finish,
      role: (index) => {
        const { contributions } = this.#required().proposal
        return contributions[index % contributions.length].peer
      },
      publish: (label, key, part, reader) =>
        exchange.derived.publish(this.#required().ballot, label, key, { part, reader }),
      receive: (label, peer, part, alone = false) =>
        exchange.measure('fetch', () =>
          exchange.derived.receive(this.#required().ballot, label, peer, { signal, part, alone })
        )
    }
  }

  #required(): { ballot: number; proposal: Proposal } {
    if (this.#offered === undefined || !this.#bound) {
      throw this.#wrong('roles and labels are of the agreed contributions; await agreed() first')
    }
    return this.#offered
  }

  #wrong(message: string): PeergradError {
    const plugin = `strategy ${this.#exchange.services.strategy.name}`
    return new PeergradError('argument', `${plugin}: ${message}`, { plugin })
  }
}
