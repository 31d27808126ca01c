import {
  INDEX_ENTRY_WORDS,
  INDEX_PAGE,
  LOSS_LIMIT,
  PeergradError,
  seedOf,
  spanOf,
  type ContributionManifest,
  type Digest,
  type PluginReference
} from '@peergrad/core'
import { linkCosts } from './link-costs.js'
import { samplesOf } from './manifests.js'
import { writePage } from './part-index.js'
import type { PhaseTimer } from './phase-timer.js'
import type { ExchangeParts } from './round-services.js'
import { shapeOf, type Shape } from './shape.js'
import type { Packed } from './vectors.js'
import { withMomentum } from './worker-momentum.js'

export interface Contributed {
  /** as the others have it */
  readonly key: string
  /** each by itself, when it was cut into several */
  readonly parts: readonly string[]
  readonly manifest: ContributionManifest
}

/** What `contribute` is to store: the key of the vector, and what its manifest says of it. */
export interface Made {
  readonly key: string
  readonly loss: number
  readonly samples: number
}

type Offered = Packed & Omit<Contributed, 'manifest'>

/** What a filter held back, among the own vectors. */
const HELD = 'held'

/** What this peer gives in one round: filtered, cut into parts, packed, offered and announced, once. */
export class OwnContribution {
  readonly #parts: ExchangeParts
  readonly #timer: PhaseTimer
  #contributed: Promise<Contributed> | undefined
  #cut: number | undefined
  #announced: Digest | undefined
  #packed: { readonly bytes: number; readonly whole: number } | undefined

  constructor(parts: ExchangeParts, timer: PhaseTimer) {
    this.#parts = parts
    this.#timer = timer
  }

  /** Whether what was given here is one of these. */
  isAmong(contributions: readonly ContributionManifest[]): boolean {
    const { self } = this.#parts.services
    return contributions.some(({ peer, digest }) => peer === self && digest === this.#announced)
  }

  /** Parts of what is given here, or made for that; undefined while nothing is. */
  get cut(): number | undefined {
    return this.#cut
  }

  /** Bytes of the contribution as others fetch it, and as float32 that nothing was left out of. */
  get packed(): { readonly bytes: number; readonly whole: number } | undefined {
    return this.#packed
  }

  /** What was given; undefined for what an earlier process of this peer gave, or this one from another state. */
  async given({ digest }: ContributionManifest): Promise<Contributed | undefined> {
    const contributed = await this.#contributed
    return contributed?.manifest.digest === digest ? contributed : undefined
  }

  /** Stores and announces what `make` gives, in so many parts. A later call gets what the first one gave. */
  give(make: () => Promise<Made>, parts: number): Promise<Contributed> {
    if (this.#contributed !== undefined) return this.#contributed
    this.#cut = parts
    const given = this.#give(make, parts)
    this.#contributed = given
    given.catch(() => (this.#contributed = this.#cut = undefined))
    return given
  }

  async #give(make: () => Promise<Made>, parts: number): Promise<Contributed> {
    const made = await make()
    await this.#check(made, parts)
    const { services, init, effects } = this.#parts
    const { digest, words, ...offered } = await this.#timer.measure('store', async () => {
      const key = await withMomentum(made.key, services)
      // not finite with its momentum where it was not without; the digest that this takes is that of what is offered
      await this.#checkFinite({ ...made, key })
      return this.#share(key, parts)
    })
    const { round } = init
    const { length } = this.#shape
    const { samples, loss } = made
    const manifest: ContributionManifest = { peer: services.self, round, digest, words, length, samples, loss }
    if (!effects.ended.aborted) {
      this.#announced = digest
      const links = this.#links()
      effects.send({ kind: 'manifest', digest, words, length, samples, loss, ...(links && { links }) })
      effects.contributed(manifest, links)
    }
    return { ...offered, manifest }
  }

  /** What is said of links where the strategy goes over them, a part of the vector at a time. */
  #links(): Uint8Array | undefined {
    const { services, init } = this.#parts
    const { members } = init.view
    if (services.strategy.overLinks !== true) return undefined
    const { self, links, connected } = services
    return linkCosts(
      members,
      { self, links: links(), connected: connected() },
      (4 * this.#shape.length) / members.length
    )
  }

  /** Error `argument` for what the others would refuse, and take this peer for a liar. */
  async #check({ key, loss, samples }: Made, parts: number): Promise<void> {
    const { services, init } = this.#parts
    const { length: expected } = this.#shape
    const { least, most } = samplesOf(services)
    const plugin = `strategy ${services.strategy.name}`
    const wrong = (what: string) =>
      new PeergradError('argument', `${plugin}: in round ${init.round} contribute() got ${what}`, { plugin })
    if (typeof key !== 'string') throw wrong(`${typeof key} as key, expected the key of a vector in the own store`)
    const length = await services.store.length(key)
    if (length !== expected) throw wrong(`"${key}", of ${length} floats, expected ${expected}`)
    if (typeof loss !== 'number') throw wrong(`${typeof loss} as loss, expected a number`)
    if (!(Number.isInteger(samples) && least <= samples && samples <= most))
      throw wrong(`${samples} samples, expected a whole number from ${least} to ${most}`)
    if (!(Number.isInteger(parts) && 1 <= parts && parts <= expected))
      throw wrong(`${parts} parts, expected a whole number from 1 to ${expected}, the floats of the model`)
  }

  async #checkFinite({ key, loss }: Made): Promise<void> {
    const { services, init } = this.#parts
    const verdict = await services.store.verify(key)
    if (verdict.firstNonFinite < 0 && Math.abs(loss) <= LOSS_LIMIT) return
    throw new PeergradError(
      'non-finite',
      `round ${init.round}: the own gradient, or its loss of ${loss}, is no finite float32; the training diverged: lower --lr`
    )
  }

  /** Offers what is sent of a contribution; what is held back, and what the codec lost, waits among the own vectors. */
  async #share(key: string, parts: number): Promise<Offered> {
    const { filter, store, own, vectors } = this.#parts.services
    if (filter === undefined) return this.#offer(key, parts)
    const { sent, packed, rest } = await this.#filtered(key, filter)
    const offered = await this.#offer(sent, parts, packed)
    if (!vectors.feedback) return offered
    const shared = parts === 1 ? offered.key : `${key}:as-shared`
    if (parts > 1) await store.join({ from: offered.parts, to: shared })
    await store.feedback({ rest, sent, shared, parameters: this.#shape.parameters, to: own.nextKey(HELD) })
    return offered
  }

  async #filtered(key: string, filter: PluginReference): Promise<{ sent: string; packed: string; rest: string }> {
    const { store, own, engine, manifest, strategy } = this.#parts.services
    const { round, state, steps, learningRate } = this.#parts.init
    const { length, parameters } = this.#shape
    const held = own.key(HELD)
    const rest = own.nextKey(HELD)
    await store.filter({
      from: key,
      ...(held !== undefined && { held }),
      state,
      to: `${key}:sent`,
      rest,
      filter,
      parameters: engine.layout.parameters,
      step: steps + 1,
      // a distance that a peer has come is no gradient any more: only the outer step scales it
      learningRate: strategy.outer?.learningRate ?? learningRate(steps + 1),
      seed: seedOf(manifest.seed, 'filter', round)
    })
    await store.unpack({ from: `${key}:sent`, sparse: parameters, length, to: `${key}:filtered` })
    return { sent: `${key}:filtered`, packed: `${key}:sent`, rest }
  }

  async #offer(key: string, parts: number, packed?: string): Promise<Offered> {
    const { store, vectors, engine } = this.#parts.services
    const until = this.#parts.init.round + 1
    if (parts === 1) {
      const offered = await vectors.offerPacked(key, this.#shape, until, packed)
      this.#count([offered])
      return { ...offered, parts: [offered.key] }
    }
    const offered = await Promise.all(
      Array.from({ length: parts }, async (_, index) => {
        const part = { index, of: parts }
        const to = `${key}:part:${index}`
        await store.slice({ from: key, ...spanOf(this.#shape.length, part), to })
        return vectors.offerPacked(to, shapeOf(engine.layout, part), until)
      })
    )
    this.#count(offered)
    return { ...(await this.#offerIndex(offered, `${key}:index`)), key, parts: offered.map((each) => each.key) }
  }

  /** The pages that list the parts, the pages that list those, and so on to the one that is announced. */
  async #offerIndex(listed: readonly Packed[], key: string): Promise<Packed> {
    if (listed.length <= INDEX_PAGE) return this.#offerPage(listed, key)
    const pages: Promise<Packed>[] = []
    for (let at = 0; at < listed.length; at += INDEX_PAGE) {
      pages.push(this.#offerPage(listed.slice(at, at + INDEX_PAGE), `${key}:${pages.length}`))
    }
    return this.#offerIndex(await Promise.all(pages), `${key}:pages`)
  }

  async #offerPage(listed: readonly Packed[], key: string): Promise<Packed> {
    const { store, vectors } = this.#parts.services
    const words = listed.length * INDEX_ENTRY_WORDS
    const page = store.lease(words)
    writePage(listed, page.vector)
    await store.put(key, page)
    return { digest: await vectors.offer(key, this.#parts.init.round + 1), words }
  }

  #count(offered: readonly Packed[]): void {
    this.#packed = { bytes: 4 * offered.reduce((sum, { words }) => sum + words, 0), whole: 4 * this.#shape.length }
  }

  get #shape(): Shape {
    return shapeOf(this.#parts.services.engine.layout)
  }
}
