import { PeergradError, type Digest, type GradientStore, type Lease, type Mesh, type PeerId } from '@peergrad/core'

export interface PullRequest {
  readonly digest: Digest
  /** floats */
  readonly length: number
  readonly key: string
  /** who may hold it, in the order to ask them */
  readonly from: readonly PeerId[]
  readonly signal: AbortSignal
}

export interface VectorExchangeInit {
  readonly mesh: Mesh
  readonly store: GradientStore
  /** milliseconds for one transfer */
  readonly deadline: number
  readonly refuse: (peer: PeerId, offence: 'wrong-digest' | 'non-finite', reason: string) => void
}

/**
 * Vectors between stores: offers what is in the own store to the others by digest, and pulls what they offer, each
 * checked (digest, length, finite) before anybody uses it.
 */
export class VectorExchange {
  readonly #init: VectorExchangeInit
  readonly #offers = new Map<Digest, { lease: Lease; round: number }>()

  constructor(init: VectorExchangeInit) {
    this.#init = init
  }

  /** Lets the others fetch a vector of the own store until `retire` passes its round. Returns its digest. */
  async offer(key: string, round: number, known?: Digest): Promise<Digest> {
    const { mesh, store } = this.#init
    const digest = known ?? (await store.digest(key))
    const offered = this.#offers.get(digest)
    if (offered !== undefined) {
      offered.round = Math.max(offered.round, round)
      return digest
    }
    const lease = await store.get(key)
    if (this.#offers.has(digest)) {
      lease.release()
      return digest
    }
    this.#offers.set(digest, { lease, round })
    mesh.serve(digest, lease.vector)
    return digest
  }

  /** Ends the offers of rounds before this one, each as soon as nobody reads it any more. */
  retire(before: number): void {
    for (const [digest, { lease, round }] of this.#offers) {
      if (round >= before) continue
      this.#offers.delete(digest)
      void this.#init.mesh.unserve(digest).then(() => lease.release())
    }
  }

  /**
   * Pulls a vector into the own store under `key`. A holder that sends other bytes than the digest says is reported
   * and the next one is asked. Errors `unreachable` and `refused` carry `peers`, without whom it may go on, and
   * `liars`, those who sent what they must not.
   */
  async pull({ digest, length, key, from, signal }: PullRequest): Promise<void> {
    const { mesh, store, deadline, refuse } = this.#init
    if (await store.has(key)) return
    const peers = from.slice(0, 1)
    const liars: PeerId[] = []
    for (;;) {
      const holders = from.filter((peer) => peer !== mesh.self && !liars.includes(peer))
      if (holders.length === 0) throw new PeergradError('refused', `nobody has the vector ${digest}`, { peers, liars })
      const lease = store.lease(length)
      let sender: PeerId
      try {
        const request = { digest, bytes: length * 4, from: holders, into: lease.vector, deadline, signal }
        sender = (await mesh.fetch(request)).from
      } catch (thrown) {
        lease.release()
        signal.throwIfAborted()
        const cause = PeergradError.from(thrown)
        throw new PeergradError('unreachable', cause.message, { peers, liars }, { cause })
      }
      await store.put(key, lease)
      const verdict = await store.verify(key)
      if (verdict.digest === digest && verdict.firstNonFinite < 0) return
      await store.delete([key])
      if (verdict.digest === digest) {
        const reason = `got a value that is not finite at index ${verdict.firstNonFinite}, expected numbers`
        refuse(from[0], 'non-finite', reason)
        throw new PeergradError('refused', reason, { peers, liars: peers })
      }
      refuse(sender, 'wrong-digest', `got bytes with digest ${verdict.digest}, expected ${digest}`)
      liars.push(sender)
    }
  }

  async close(): Promise<void> {
    const offers = [...this.#offers]
    this.#offers.clear()
    await Promise.all(offers.map(([digest, { lease }]) => this.#init.mesh.unserve(digest).then(() => lease.release())))
  }
}
