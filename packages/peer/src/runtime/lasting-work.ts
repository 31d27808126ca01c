import { setMaxListeners } from 'node:events'
import { PeergradError, type Engine, type GradientStore, type LastingContext } from '@peergrad/core'
import { orAborted } from '../deferred.js'
import { gradients } from './gradients.js'
import type { ExchangeInit } from './round-services.js'

interface Under {
  readonly done: Promise<unknown>
  readonly end: AbortController
}

/** Begins the store keys of what is under way, or was last. */
const PREFIX = 'lasting:'
const ENOUGH = Symbol('enough')

/** Work of this peer that may outlast the round in which it began: one piece at a time, and no checkpoint holds it. */
export class LastingWork {
  readonly #parts: { readonly engine: Engine; readonly store: GradientStore }
  #under: Under | undefined
  #count = 0

  constructor(parts: { readonly engine: Engine; readonly store: GradientStore }) {
    this.#parts = parts
  }

  /** As `RoundContext.lasting` says, for a round that ends with `signal`. */
  async wait<T>(
    work: (begun: LastingContext) => Promise<T>,
    enough: Promise<unknown>,
    round: Pick<ExchangeInit, 'round' | 'state' | 'minibatches'>,
    signal: AbortSignal
  ): Promise<T | undefined> {
    const under = (this.#under ??= this.#begin(work, round))
    const first = await orAborted(Promise.race([under.done, enough.then(() => ENOUGH)]), signal)
    if (first === ENOUGH) return undefined
    this.#under = undefined
    return first as T
  }

  /** What is under way is for nothing. */
  drop(): void {
    this.#under?.end.abort(new PeergradError('aborted', 'the state that this work began from was given up'))
    this.#under = undefined
  }

  #begin<T>(
    work: (begun: LastingContext) => Promise<T>,
    round: Pick<ExchangeInit, 'round' | 'state' | 'minibatches'>
  ): Under {
    const end = new AbortController()
    // the gradients of all its minibatches listen at once
    setMaxListeners(0, end.signal)
    const under = { end, done: this.#run(work, round, end.signal) }
    under.done.catch(() => {
      // the next round begins anew
      if (this.#under === under) this.#under = undefined
    })
    return under
  }

  async #run<T>(
    work: (begun: LastingContext) => Promise<T>,
    { round, state: from, minibatches }: Pick<ExchangeInit, 'round' | 'state' | 'minibatches'>,
    signal: AbortSignal
  ): Promise<T> {
    const { store } = this.#parts
    const prefix = `${PREFIX}${this.#count++}:`
    const state = `${prefix}state`
    await store.delete(await store.keys(PREFIX))
    // the round's own key goes with the round
    await store.put(state, await store.get(from))
    // who waits for it measures that
    const measure: LastingContext['measure'] = (_phase, measured) => measured()
    const key = (name: string) => prefix + name
    const gradient = gradients(this.#parts, state, { signal, measure })
    return work({ round, state, minibatches, store, key, measure, gradient })
  }
}
