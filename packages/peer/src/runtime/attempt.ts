import { PeergradError, type Proposal, type RoundContext } from '@peergrad/core'
import { deferred, orAborted } from '../deferred.js'
import type { Exchange } from './exchange.js'

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

  /** Runs the strategy. Resolves with the ballot whose proposal it ended for and the key of the update. */
  async run(): Promise<{ ballot: number; key: string }> {
    const { strategy } = this.#exchange.services
    const key = await strategy.round(this.#context())
    const { ballot } = await this.#bind()
    return { ballot, key }
  }

  async #bind(): Promise<{ ballot: number; proposal: Proposal }> {
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
      random: exchange.random,
      signal,
      state: init.state,
      minibatches: init.minibatches,
      key: (name) => exchange.key(this.#number === 0 ? name : `${name}:${this.#number}`),
      measure: (phase, work) => exchange.measure(phase, work),
      gradient: async (minibatch, key) => {
        const state = await store.get(init.state)
        const into = store.lease(state.vector.length)
        try {
          const { loss, samples } = await engine.gradient({ state: state.vector, minibatch, into: into.vector, signal })
          await store.put(key, into)
          return { loss, samples }
        } catch (error) {
          into.release()
          throw error
        } finally {
          state.release()
        }
      },
      contribute: (make) => exchange.contribute(make),
      agreed: async () => (await this.#bind()).proposal.contributions,
      fetch: (manifests) => exchange.measure('fetch', () => exchange.fetch(manifests, signal)),
      aggregate: (keys, manifests, to) => exchange.measure('aggregate', () => exchange.aggregate(keys, manifests, to)),
      role: (index) => {
        const { contributions } = this.#required().proposal
        return contributions[index % contributions.length].peer
      },
      publish: (label, key) => exchange.publish(this.#required().ballot, label, key),
      receive: (label, peer) =>
        exchange.measure('fetch', () => exchange.receiveDerived(this.#required().ballot, label, peer, signal))
    }
  }

  #required(): { ballot: number; proposal: Proposal } {
    if (this.#offered === undefined || !this.#bound) {
      throw new PeergradError(
        'argument',
        'strategy: roles and labels are of the agreed contributions; await agreed() first'
      )
    }
    return this.#offered
  }
}
