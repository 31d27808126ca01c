import { PeergradError, type Part, type PeerId } from '@peergrad/core'
import { deferred, orAborted } from '../deferred.js'
import { Derived, type Announcement } from './derived.js'
import { VectorInquiries, type Missing } from './vector-inquiries.js'
import type { Pulls } from './pulls.js'
import { roundKey, type ExchangeParts } from './round-services.js'
import { shapeOf, type Shape } from './shape.js'
import type { Packed } from './vectors.js'

/** Vectors that members make of contributions in a ballot and hand on under a label: merged ones, sums of a ring. */
export class DerivedVectors {
  readonly #parts: ExchangeParts
  readonly #pulls: Pulls
  readonly #announced: Derived
  readonly #inquiries: VectorInquiries
  /** by vector: a ring waits for as many as it has members, and hears of one at a time */
  readonly #waiters = new Map<string, Set<() => void>>()
  /** members that cannot publish in a ballot, and because of whom */
  readonly #unable = new Map<PeerId, { readonly ballot: number; readonly peers: readonly PeerId[] }>()

  constructor(parts: ExchangeParts, pulls: Pulls) {
    this.#parts = parts
    this.#pulls = pulls
    this.#announced = new Derived(parts.init.view.members.length)
    const { clock } = parts.services
    this.#inquiries = new VectorInquiries({
      clock,
      ask: (peer, ballot, labels) => this.#ask(peer, ballot, labels),
      onMute: () => this.wake()
    })
  }

  /** The first of what is waited for and was not announced. */
  get missing(): Missing | undefined {
    return this.#inquiries.missing
  }

  announced(from: PeerId, message: Announcement): void {
    if (!this.#announced.announced(from, message)) return
    this.#inquiries.heard(from)
    this.#waiters.get(nameOf(from, message))?.forEach((wake) => wake())
  }

  /** Those of the labels under which this peer has published in the ballot. */
  published(ballot: number, labels: readonly string[]): Omit<Announcement, 'ballot'>[] {
    return labels.flatMap((label) => {
      const made = this.#announced.get(ballot, label, this.#parts.services.self)
      return made === undefined ? [] : [{ label, ...made }]
    })
  }

  /** A member could not make the exchange of the ballot: who waits for what it publishes there need not. */
  failed(from: PeerId, ballot: number, peers: readonly PeerId[]): void {
    this.#unable.set(from, { ballot, peers })
    this.wake()
  }

  /** Whoever waits for a vector looks again whether it may still come. */
  wake(): void {
    for (const wakes of this.#waiters.values()) wakes.forEach((wake) => wake())
  }

  /** Returns the key under which the vector stands here as the others will have it; without a reader all are told. */
  async publish(
    ballot: number,
    label: string,
    key: string,
    { part, reader }: { readonly part: Part | undefined; readonly reader: PeerId | undefined }
  ): Promise<string> {
    const { services, init, effects } = this.#parts
    const shape = shapeOf(services.engine.layout, part)
    await this.#check(label, key, shape)
    const { digest, words, key: shared } = await services.vectors.offerPacked(key, shape, init.round + 1)
    const announcement = { ballot, label, digest, words, length: shape.length }
    this.#announced.announced(services.self, announcement)
    const message = { kind: 'derived', ...announcement } as const
    if (reader === undefined) effects.send(message)
    else services.tell(reader, { ...message, run: services.run, round: init.round })
    return shared
  }

  /** Error that names the strategy for what the others would refuse, and take this peer for a liar. */
  async #check(label: string, key: string, { length: expected }: Shape): Promise<void> {
    const { services, init } = this.#parts
    const plugin = `strategy ${services.strategy.name}`
    const said = `${plugin}: in round ${init.round} publish("${label}") got "${key}"`
    const length = await services.store.length(key)
    if (length !== expected) {
      throw new PeergradError('argument', `${said}, of ${length} floats, expected ${expected}`, { plugin })
    }
    const { firstNonFinite } = await services.store.verify(key)
    if (firstNonFinite < 0) return
    throw new PeergradError('non-finite', `${said}, which is not finite at index ${firstNonFinite}`, { plugin })
  }

  async receive(
    ballot: number,
    label: string,
    peer: PeerId,
    { signal, part, alone }: { readonly part: Part | undefined; readonly alone: boolean; readonly signal: AbortSignal }
  ): Promise<string> {
    const { services, init } = this.#parts
    const { length, ...packed } = await this.#wait(ballot, label, peer, { signal, alone })
    const shape = shapeOf(services.engine.layout, part)
    if (length !== shape.length) {
      const peers = [peer]
      const message = `got a vector of ${length} floats as ${label}, expected ${shape.length}`
      throw new PeergradError('shape', message, { peers, liars: peers })
    }
    const key = roundKey(init.round, `derived:${ballot}:${label}:${peer}`)
    await this.#pulls.packed(packed, shape, key, peer, signal)
    return key
  }

  /** Until the peer has announced it, or is known not to. */
  async #wait(
    ballot: number,
    label: string,
    peer: PeerId,
    { signal, alone }: { readonly alone: boolean; readonly signal: AbortSignal }
  ): Promise<Packed & { readonly length: number }> {
    const vector = { ballot, label }
    const heard = deferred<Packed & { readonly length: number }>()
    const never = (message: string, peers: readonly PeerId[]) =>
      heard.reject(new PeergradError('unreachable', message, { peers }))
    const look = () => {
      const announced = this.#announced.get(ballot, label, peer)
      const unable = this.#unable.get(peer)
      if (announced !== undefined) heard.resolve(announced)
      else if (this.#parts.services.lost(peer)) never(`${peer} was lost before it published ${label}`, [peer])
      else if (alone && this.#inquiries.isMute(peer)) never(`${peer} does not answer whether it made ${label}`, [peer])
      else if (unable?.ballot === ballot) never(`${peer} cannot publish ${label}`, unable.peers)
    }
    const over = this.#inquiries.about(peer, vector)
    const forget = this.#onWake(nameOf(peer, vector), look)
    try {
      look()
      return await orAborted(heard.promise, signal)
    } finally {
      forget()
      over()
    }
  }

  #onWake(name: string, look: () => void): () => void {
    const looks = this.#waiters.get(name) ?? new Set()
    this.#waiters.set(name, looks.add(look))
    return () => {
      looks.delete(look)
      if (looks.size === 0) this.#waiters.delete(name)
    }
  }

  async #ask(peer: PeerId, ballot: number, labels: readonly string[]): Promise<void> {
    const { services, init } = this.#parts
    const answer = await services.ask(peer, { kind: 'derived', round: init.round, ballot, labels: [...labels] })
    if (answer.kind !== 'derived') return
    for (const vector of answer.vectors) this.announced(peer, { ballot, ...vector })
  }
}

function nameOf(peer: PeerId, { ballot, label }: Pick<Announcement, 'ballot' | 'label'>): string {
  return `${peer}/${ballot}/${label}`
}
