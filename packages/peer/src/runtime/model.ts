import { layoutLength, type Digest, type Engine, type GradientStore, type OptimiserSpec } from '@peergrad/core'
import { RETENTION } from './exchange.js'
import type { Outcome } from './round.js'
import { stateKey, stateKeys } from './state-sync.js'
import type { VectorExchange } from './vectors.js'

export interface ModelInit {
  readonly store: GradientStore
  readonly engine: Engine
  readonly vectors: VectorExchange
  /** what steps the model at the end of a round */
  readonly optimiser: OptimiserSpec
  /** of its step t, from 1 */
  readonly learningRate: (step: number) => number
  /** optimiser steps that a peer makes in a round */
  readonly stepsPerRound: number
  /** an outcome is the peer's next model, and no update */
  readonly ownModels: boolean
}

/** The versions of model and optimiser state in the own store, and what of past rounds is still kept beside them. */
export class Model {
  readonly #init: ModelInit
  /** store keys and digests of the last outcomes, by round */
  readonly #outcomes = new Map<number, { key: string; digest: Digest }>()
  #round = 0
  #step = 0
  #hash: Digest | undefined

  constructor(init: ModelInit) {
    this.#init = init
  }

  /** The next round, which starts from the newest state. */
  get round(): number {
    return this.#round
  }

  /** Optimiser steps made. */
  get step(): number {
    return this.#step
  }

  /** What the newest state is called: its digest, when all peers have the same. Undefined before there is any. */
  get hash(): Digest | undefined {
    return this.#hash
  }

  /** Store key of the newest state. */
  get key(): string {
    return stateKey(this.#round)
  }

  /** The state that every peer starts a run from. */
  async initialise(seed: number): Promise<void> {
    const { engine, store, optimiser } = this.#init
    const state = store.lease(layoutLength(engine.layout))
    await engine.initialise(seed, state.vector)
    const [key, ...moments] = stateKeys(0, optimiser)
    await store.put(key, state)
    for (const name of moments) {
      const zeros = store.lease(engine.layout.parameters)
      zeros.vector.fill(0)
      await store.put(name, zeros)
    }
    this.#hash = await store.digest(key)
  }

  /** The vectors of this state are in the own store: go on from there. */
  adopt({ round, step, hash }: { round: number; step: number; hash: Digest }): void {
    this.#round = round
    this.#step = step
    this.#hash = hash
  }

  /** Makes the next version with the decided update of the round; the same again when nobody contributed to it. */
  async update({ shared, ...outcome }: Outcome, contributions: number): Promise<void> {
    const { vectors, stepsPerRound, ownModels } = this.#init
    if (contributions === 0) await this.#stay()
    else if (ownModels) await this.#replace(outcome)
    else await this.#advance(outcome.key)
    if (shared) {
      this.#outcomes.set(this.#round, outcome)
      await vectors.offer(outcome.key, Infinity, outcome.digest)
    }
    if (contributions > 0) this.#step += stepsPerRound
    this.#round += 1
  }

  async #stay(): Promise<void> {
    const { store, optimiser } = this.#init
    const next = stateKeys(this.#round + 1, optimiser)
    for (const [index, key] of stateKeys(this.#round, optimiser).entries()) {
      await store.put(next[index], await store.get(key))
    }
  }

  async #replace({ key, digest }: { key: string; digest: Digest }): Promise<void> {
    const { store } = this.#init
    await store.put(stateKey(this.#round + 1), await store.get(key))
    this.#hash = digest
  }

  async #advance(gradient: string): Promise<void> {
    const { store, engine, optimiser, learningRate, stepsPerRound } = this.#init
    // a round that only changed the view made none
    const step = Math.floor(this.#step / stepsPerRound) + 1
    await store.applyUpdate({
      from: this.key,
      to: stateKey(this.#round + 1),
      gradient,
      optimiser,
      parameters: engine.layout.parameters,
      step,
      learningRate: learningRate(step)
    })
    this.#hash = await store.digest(stateKey(this.#round + 1))
  }

  /**
   * Deletes what no peer asks for any more: contributions after the next round, outcomes a round later, but for those
   * from round `floor` on, which somebody who catches up still needs.
   */
  async forget(floor: number): Promise<void> {
    const { store, vectors, optimiser } = this.#init
    const round = this.#round - 1
    vectors.retire(this.#round)
    for (const [past, { key, digest }] of this.#outcomes) {
      if (past > round - RETENTION || past >= floor) continue
      this.#outcomes.delete(past)
      // rounds in which nothing was worth sending end with the same vector
      if (![...this.#outcomes.values()].some((kept) => kept.digest === digest)) vectors.withdraw(digest)
      await store.delete([key])
    }
    const kept = new Set([...this.#outcomes.values()].map(({ key }) => key))
    // also of long ago: what was given up may have written when its round was over for good
    const old = (await store.keys('round:')).filter((key) => Number(key.split(':', 2)[1]) < round)
    await store.delete([...old.filter((key) => !kept.has(key)), ...stateKeys(round - 1, optimiser)])
  }

  /** Forgets every vector of the run. */
  async clear(): Promise<void> {
    const { store, vectors } = this.#init
    vectors.close()
    this.#outcomes.clear()
    await store.delete([...(await store.keys('round:')), ...(await store.keys('state:'))])
  }
}
