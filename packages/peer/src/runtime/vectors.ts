import {
  PeergradError,
  pluginName,
  type Codec,
  type Digest,
  type GradientStore,
  type Lease,
  type Mesh,
  type Offence,
  type PeerId,
  type PluginReference,
  type Verdict
} from '@peergrad/core'
import { checkAborted } from '../deferred.js'
import { densePacked, type Shape } from './shape.js'

/** A vector that stands packed for the wire: content that its digest names. */
export interface Packed {
  readonly digest: Digest
  /** 32-bit words of the content */
  readonly words: number
}

/** How vectors are packed for the wire. */
export interface Packing {
  /** float32 when left out */
  readonly codec?: { readonly reference: PluginReference; readonly codec: Codec }
  /** only the coordinates that are not zero, where that is shorter; with a codec of a vector with buffers always */
  readonly sparse: boolean
}

export interface PullRequest {
  readonly digest: Digest
  /** floats */
  readonly length: number
  readonly key: string
  /** who may hold it, in the order to ask them */
  readonly from: readonly PeerId[]
  readonly signal: AbortSignal
  /** packed bytes, which need not be numbers */
  readonly bits?: boolean
  /** largest Euclidean norm that it may have; 0 or left out: any */
  readonly maxNorm?: number
  /** false: digest and length are not the word of the first of `from`, and what is wrong with them no lie of that one */
  readonly vouched?: boolean
}

/** Who answers for content, and whether that one said so. */
type Answerable = Pick<PullRequest, 'from' | 'vouched'>

export interface PackedPullRequest
  extends Packed, Pick<PullRequest, 'key' | 'from' | 'signal' | 'maxNorm' | 'vouched'> {
  readonly shape: Shape
}

/** A vector that others may fetch to the end of round `until`, and while somebody holds it. */
interface Offer {
  readonly lease: Lease
  until: number
  holds: number
}

export interface VectorExchangeInit {
  readonly mesh: Mesh
  readonly store: GradientStore
  readonly packing: Packing
  /** milliseconds for one transfer */
  readonly deadline: number
  readonly refuse: (peer: PeerId, offence: Offence, reason: string) => void
}

/**
 * Vectors between stores: offers what is in the own store to the others by digest, and pulls what they offer, each
 * checked (digest, length, finite) before anybody uses it.
 */
export class VectorExchange {
  readonly #init: VectorExchangeInit
  readonly #offers = new Map<Digest, Offer>()
  /** pulls under way, by key: what is in the store and not in here was checked */
  readonly #pulls = new Map<string, Promise<void>>()

  constructor(init: VectorExchangeInit) {
    this.#init = init
  }

  /** Whether what packing loses is to be added to the next vector. */
  get feedback(): boolean {
    return this.#init.packing.codec?.codec.feedback === true
  }

  /** Lets the others fetch a vector of the own store until the end of round `until`. Returns its digest. */
  async offer(key: string, until: number, known?: Digest): Promise<Digest> {
    const digest = known ?? (await this.#init.store.digest(key))
    await this.#offer(key, digest, (offer) => (offer.until = Math.max(offer.until, until)))
    return digest
  }

  /** Offers a vector of the own store until the hold is released, whatever becomes of its key. */
  async hold(key: string): Promise<{ digest: Digest; release: () => void }> {
    const digest = await this.#init.store.digest(key)
    const offer = await this.#offer(key, digest, (held) => (held.holds += 1))
    const release = () => {
      offer.holds -= 1
    }
    return { digest, release }
  }

  /** The offer of a vector, new when there is none; `keep` says why it stays before anybody can end it. */
  async #offer(key: string, digest: Digest, keep: (offer: Offer) => void): Promise<Offer> {
    const { mesh, store } = this.#init
    let offer = this.#offers.get(digest)
    if (offer === undefined) {
      const lease = await store.get(key)
      offer = this.#offers.get(digest)
      if (offer !== undefined) lease.release()
      else {
        offer = { lease, until: -1, holds: 0 }
        this.#offers.set(digest, offer)
        mesh.serve(digest, lease.vector)
      }
    }
    keep(offer)
    return offer
  }

  /**
   * Offers a vector packed for the wire. Returns what others pull, and the key under which the vector stands here as
   * they will have it: all must go on with the same bits. `packed` is the vector's sparse form, where there is one already.
   */
  async offerPacked(key: string, shape: Shape, until: number, packed?: string): Promise<Packed & { key: string }> {
    const { packing, store } = this.#init
    if (packed !== undefined && packing.codec === undefined) {
      return { digest: await this.offer(packed, until), words: await store.length(packed), key }
    }
    if (!packs(packing, shape)) return { digest: await this.offer(key, until), words: shape.length, key }
    const how = howToPack(packing, shape)
    await store.pack({ from: key, ...how, to: `${key}:packed` })
    await store.unpack({ from: `${key}:packed`, ...how, length: shape.length, to: `${key}:shared` })
    await this.#checkDecoded(`${key}:shared`)
    const digest = await this.offer(`${key}:packed`, until)
    return { digest, words: await store.length(`${key}:packed`), key: `${key}:shared` }
  }

  /** The others refuse what is not finite, as the lie of this peer: what it gave was, so the codec made it so. */
  async #checkDecoded(key: string): Promise<void> {
    const { packing, store } = this.#init
    if (packing.codec === undefined) return
    const { firstNonFinite } = await store.verify(key)
    if (firstNonFinite < 0) return
    const plugin = `codec ${pluginName(packing.codec.reference)}`
    const message = `${plugin}: decode gave a value that is not finite at index ${firstNonFinite}, for a vector of numbers`
    throw new PeergradError('non-finite', message, { plugin })
  }

  /** Pulls a vector that its owner offered packed, and passes the offer on. */
  async pullPacked(request: PackedPullRequest, until: number): Promise<void> {
    const { packing, store } = this.#init
    const { digest, words, key, shape, from, signal, maxNorm, vouched } = request
    this.#checkWords(words, shape, request)
    if (!packs(packing, shape)) {
      await this.pull({ digest, length: shape.length, key, from, signal, maxNorm, vouched })
      return void (await this.offer(key, until, digest))
    }
    const packed = `${key}:packed`
    await this.#once(key, async () => {
      await this.pull({ digest, length: words, key: packed, from, signal, bits: true, vouched })
      try {
        await store.unpack({ from: packed, ...howToPack(packing, shape), length: shape.length, to: key })
      } catch (thrown) {
        const error = PeergradError.from(thrown)
        if (!isOfTheBytes(error)) throw thrown
        await store.delete([packed])
        throw this.#refused(request, 'malformed', error.message)
      }
      await this.#checkNumbers(key, await store.verify(key), request)
    })
    await this.offer(packed, until, digest)
  }

  /** How large packed content may be is known before the first byte. */
  #checkWords(words: number, shape: Shape, request: Answerable): void {
    const dense = densePacked(this.#init.packing.codec?.codec, shape)
    const shorter = leavesZerosOut(this.#init.packing, shape)
    if (words === dense || (shorter && words < dense)) return
    const expected = `expected ${shorter ? 'at most ' : ''}${dense}`
    throw this.#refused(request, 'wrong-length', `got a vector packed in ${words} words, ${expected}`)
  }

  /** Ends the offers that go to a round before this one, each as soon as nobody reads it any more. */
  retire(round: number): void {
    for (const [digest, { until, holds }] of this.#offers) if (until < round && holds === 0) this.#end(digest)
  }

  /** Ends one offer, as soon as nobody reads it any more; one that is held when the rounds after its release are retired. */
  withdraw(digest: Digest): void {
    const offer = this.#offers.get(digest)
    if (offer === undefined) return
    offer.until = -1
    if (offer.holds === 0) this.#end(digest)
  }

  /**
   * Pulls a vector into the own store under `key`. A holder that sends other bytes than the digest says is reported
   * and the next one is asked. Errors `unreachable` and `refused` carry `peers`, without whom it may go on, and
   * `liars`, those who sent what they must not.
   */
  pull(request: PullRequest): Promise<void> {
    return this.#once(request.key, () => this.#pull(request))
  }

  /** One piece of work for each key, whoever asks: what is in the store, and not under way, was checked. */
  #once(key: string, work: () => Promise<void>): Promise<void> {
    let pull = this.#pulls.get(key)
    if (pull === undefined) {
      pull = this.#unlessThere(key, work)
      // who asked may have given up on it
      pull.catch(() => undefined)
      this.#pulls.set(key, pull)
    }
    return pull
  }

  async #unlessThere(key: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!(await this.#init.store.has(key))) await work()
    } finally {
      this.#pulls.delete(key)
    }
  }

  async #pull(request: PullRequest): Promise<void> {
    const { digest, length, key, from, signal, bits = false, vouched = true } = request
    const { mesh, store, deadline, refuse } = this.#init
    const peers = from.slice(0, 1)
    const announcer = vouched ? from[0] : undefined
    const liars: PeerId[] = []
    for (;;) {
      const holders = from.filter((peer) => peer !== mesh.self && !liars.includes(peer))
      if (holders.length === 0) throw new PeergradError('refused', `nobody has the vector ${digest}`, { peers, liars })
      const lease = store.lease(length)
      let sender: PeerId
      try {
        const asked = { digest, bytes: length * 4, announcer, from: holders, into: lease.vector, deadline, signal }
        sender = (await mesh.fetch(asked)).from
      } catch (thrown) {
        lease.release()
        checkAborted(signal)
        const cause = PeergradError.from(thrown)
        throw new PeergradError('unreachable', cause.message, { peers, liars }, { cause })
      }
      await store.put(key, lease)
      const verdict = await store.verify(key)
      if (verdict.digest === digest) {
        if (!bits) await this.#checkNumbers(key, verdict, request)
        return
      }
      await store.delete([key])
      refuse(sender, 'wrong-digest', `got bytes with digest ${verdict.digest}, expected ${digest}`)
      liars.push(sender)
    }
  }

  /** The first of `from` answers for the content: the digest that it announced is that of these bytes. */
  async #checkNumbers(
    key: string,
    { firstNonFinite, norm }: Verdict,
    request: Answerable & Pick<PullRequest, 'maxNorm'>
  ): Promise<void> {
    const { from, maxNorm = 0, vouched = true } = request
    if (firstNonFinite >= 0) {
      await this.#init.store.delete([key])
      const reason = `got a value that is not finite at index ${firstNonFinite}, expected numbers`
      throw this.#refused(request, 'non-finite', reason)
    }
    if (maxNorm === 0 || norm <= maxNorm) return
    await this.#init.store.delete([key])
    // no lie: an honest gradient may be so large, and its owner goes on voting
    const reason = `got a vector of norm ${norm}, expected ${maxNorm} at most`
    if (vouched) this.#init.refuse(from[0], 'norm', reason)
    throw new PeergradError('refused', reason, { peers: [from[0]], liars: [] })
  }

  #refused({ from: [owner], vouched = true }: Answerable, offence: Offence, reason: string): PeergradError {
    if (vouched) this.#init.refuse(owner, offence, reason)
    return new PeergradError('refused', reason, { peers: [owner], liars: vouched ? [owner] : [] })
  }

  close(): void {
    for (const digest of this.#offers.keys()) this.#end(digest)
  }

  #end(digest: Digest): void {
    const offer = this.#offers.get(digest)
    if (offer === undefined) return
    this.#offers.delete(digest)
    const release = () => offer.lease.release()
    this.#init.mesh.unserve(digest).then(release, release)
  }
}

/** Whether packed bytes are at fault: a codec that has packed and unpacked what this peer gives fails at no good ones. */
function isOfTheBytes({ code, data }: PeergradError): boolean {
  return code === 'corrupt' || code === 'shape' || data.plugin !== undefined
}

/** Buffers alone travel as they are. */
function packs({ codec, sparse }: Packing, { parameters }: Shape): boolean {
  return parameters > 0 && (sparse || codec !== undefined)
}

/** The form that leaves zeros out is also the one in which no codec touches buffers. */
function leavesZerosOut({ codec, sparse }: Packing, { length, parameters }: Shape): boolean {
  return parameters > 0 && (sparse || (codec !== undefined && parameters < length))
}

function howToPack(packing: Packing, shape: Shape) {
  const { codec } = packing
  return {
    ...(codec && { codec: codec.reference }),
    ...(leavesZerosOut(packing, shape) && { sparse: shape.parameters })
  }
}
