import {
  INDEX_ENTRY_WORDS,
  INDEX_PAGE,
  pageOf,
  PeergradError,
  type ContributionManifest,
  type Part,
  type PeerId
} from '@peergrad/core'
import { checkAborted } from '../deferred.js'
import { inTurns } from './in-turns.js'
import type { OwnContribution } from './own-contribution.js'
import { readEntry } from './part-index.js'
import type { Pulls } from './pulls.js'
import { roundKey, type ExchangeParts } from './round-services.js'
import { shapeOf } from './shape.js'
import type { Packed } from './vectors.js'

/** The agreed contributions of one round, or one part of each, brought into the own store. */
export class Contributions {
  readonly #parts: ExchangeParts
  readonly #own: OwnContribution
  readonly #pulls: Pulls

  constructor(parts: ExchangeParts, own: OwnContribution, pulls: Pulls) {
    this.#parts = parts
    this.#own = own
    this.#pulls = pulls
  }

  /** Keys, in the order of the manifests. Errors name all who could not be read, so that one try without them is enough. */
  async fetch(
    manifests: readonly ContributionManifest[],
    signal: AbortSignal,
    asked: Part | undefined
  ): Promise<string[]> {
    const part = asked?.of === 1 ? undefined : asked
    this.#check(part)
    const { self, clock, lost } = this.#parts.services
    const gone = new Set(manifests.flatMap(({ peer }) => (lost(peer) ? [peer] : [])))
    const read = async (manifest: ContributionManifest) => {
      const { peer } = manifest
      checkAborted(signal)
      // as those are given up that wait when their owner is lost
      if (lost(peer) && !gone.has(peer)) throw new PeergradError('unreachable', `${peer} was lost`, { peers: [peer] })
      return this.#fetch(manifest, signal, part)
    }
    // members begin with the one after themselves: not all with the same
    const first = manifests.findIndex(({ peer }) => peer === self) + 1
    const reads = await inTurns(manifests, read, { clock, first })
    const failures = reads.flatMap((read) => (read.status === 'rejected' ? [PeergradError.from(read.reason)] : []))
    const fatal = failures.find(({ data }) => data.peers === undefined)
    if (fatal !== undefined) throw fatal
    const blamed = (name: 'peers' | 'liars') => failures.flatMap(({ data }) => (data[name] ?? []) as PeerId[])
    if (failures.length > 0) {
      const data = { peers: blamed('peers'), liars: blamed('liars') }
      throw new PeergradError('unreachable', failures.map(({ message }) => message).join('; '), data)
    }
    return reads.flatMap((read) => (read.status === 'fulfilled' ? [read.value] : []))
  }

  /** Error `argument` unless contributions are cut as it is asked: each peer cuts its own as all do. */
  #check({ index, of }: Part = { index: 0, of: 1 }): void {
    const { services, init } = this.#parts
    const { cut } = this.#own
    const fits = Number.isInteger(index) && 0 <= index && index < of
    if (of === cut && fits) return
    const plugin = `strategy ${services.strategy.name}`
    const said = `in round ${init.round} fetch() asks for part ${index} of ${of}, and contribute() cut into ${cut}`
    throw new PeergradError('argument', `${plugin}: ${said}`, { plugin })
  }

  async #fetch(manifest: ContributionManifest, signal: AbortSignal, part: Part | undefined): Promise<string> {
    const { self, engine, manifest: run } = this.#parts.services
    const own = manifest.peer === self ? await this.#own.given(manifest) : undefined
    if (own !== undefined) return part === undefined ? own.key : own.parts[part.index]
    const { peer, digest } = manifest
    const key = roundKey(this.#parts.init.round, `from:${peer}:${digest}`)
    const checks = { maxNorm: run.maxNorm, vouched: this.#parts.effects.announced(peer, manifest) }
    if (part === undefined) {
      await this.#pulls.packed(manifest, shapeOf(engine.layout), key, peer, signal, checks)
      return key
    }
    const listed = await this.#entry(manifest, part, `${key}:index`, signal)
    await this.#pulls.packed(listed, shapeOf(engine.layout, part), `${key}:${part.index}`, peer, signal, checks)
    return `${key}:${part.index}`
  }

  /** What a part of a contribution is, as its owner says. */
  async #entry(announced: ContributionManifest, part: Part, key: string, signal: AbortSignal): Promise<Packed> {
    const { peer } = announced
    const { page, lists } = pageOf(part)
    const { digest, words } = page.of === 1 ? announced : await this.#entry(announced, page, `${key}:pages`, signal)
    const length = lists.length * INDEX_ENTRY_WORDS
    // an earlier process of this peer may have cut it otherwise
    const vouched = peer !== this.#parts.services.self && this.#parts.effects.announced(peer, announced)
    if (words !== length) {
      const peers = [peer]
      const liars = vouched ? peers : []
      const message = `got an index of ${words} words, expected ${length} for ${lists.length} of ${part.of} parts`
      throw new PeergradError('shape', message, { peers, liars })
    }
    const at = `${key}:${page.index}`
    await this.#pulls.words({ digest, words }, at, peer, signal, { vouched })
    const lease = await this.#parts.services.store.get(at)
    try {
      return readEntry(lease.vector, part.index % INDEX_PAGE)
    } finally {
      lease.release()
    }
  }
}
