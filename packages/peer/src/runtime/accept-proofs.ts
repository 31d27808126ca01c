import {
  ACCEPT_LIMIT,
  ACCEPTS_LIMIT,
  controlMessages,
  PeergradError,
  type ControlMessage,
  type PeerId
} from '@peergrad/core'
import type { Body } from './agreement/contract.js'
import type { RoundServices } from './round-services.js'

type Accept = Extract<ControlMessage, { kind: 'accept' }>

/** What members accept in one ballot. */
export type Value = Omit<Body<'accept'>, 'kind'>

/**
 * Accepts of one round as their members signed them. So a decision can be told to whoever was not there, and need not be
 * believed: it counts when a quorum is proved to have accepted it.
 */
export class AcceptProofs {
  readonly #services: Pick<RoundServices, 'open' | 'run'>
  readonly #round: number
  readonly #members: ReadonlySet<PeerId>
  /** the last one of each; of what was heard, of so many members */
  readonly #signed = new Map<PeerId, { readonly value: Value; readonly envelope: Uint8Array }>()
  /** who told the value as decided, by word of its own */
  readonly #tellers = new Map<PeerId, Value>()

  constructor(services: Pick<RoundServices, 'open' | 'run'>, round: number, members: ReadonlySet<PeerId>) {
    this.#services = services
    this.#round = round
    this.#members = members
  }

  note(peer: PeerId, value: Value, envelope: Uint8Array): void {
    if (envelope.byteLength > ACCEPT_LIMIT) return
    // of more, these are as good
    if (this.#signed.size >= ACCEPTS_LIMIT && !this.#signed.has(peer)) return
    this.#keep(peer, value, envelope)
  }

  /** Who is proved to have accepted a value that this peer tells as decided, with what it and others handed on so far. */
  told(teller: PeerId, value: Value, envelopes: readonly Uint8Array[]): PeerId[] {
    this.#tellers.set(teller, value)
    const signers = envelopes.flatMap((envelope) => {
      const accept = this.#read(envelope)
      if (accept === undefined || !this.#members.has(accept.from) || !isSame(accept.message, value)) return []
      this.#keep(accept.from, value, envelope)
      return accept.from
    })
    const tellers = [...this.#tellers].flatMap(([peer, said]) => (isSame(said, value) ? peer : []))
    return [...new Set([...signers, ...tellers, ...this.#signers(value).keys()])]
  }

  /** What this peer can hand on. */
  of(value: Value): Uint8Array[] {
    return [...this.#signers(value).values()]
  }

  /** A copy of its own size: what came is part of a larger message. */
  #keep(peer: PeerId, { ballot, proposal, outcome }: Value, envelope: Uint8Array): void {
    this.#signed.set(peer, { value: { ballot, proposal, outcome }, envelope: Uint8Array.from(envelope) })
  }

  #signers(value: Value): Map<PeerId, Uint8Array> {
    const same = [...this.#signed].filter(([, signed]) => isSame(signed.value, value))
    return new Map(same.map(([peer, { envelope }]) => [peer, envelope]))
  }

  /** Undefined for what is no signed accept of this round. */
  #read(envelope: Uint8Array): { readonly from: PeerId; readonly message: Accept } | undefined {
    try {
      const { from, payload } = this.#services.open(envelope)
      const message = controlMessages.decode(payload)
      const { run } = this.#services
      if (message.kind === 'accept' && message.run === run && message.round === this.#round) return { from, message }
    } catch (thrown) {
      if (PeergradError.from(thrown).code !== 'corrupt') throw thrown
    }
    return undefined
  }
}

function isSame(a: Value, b: Value): boolean {
  return a.ballot === b.ballot && a.proposal === b.proposal && a.outcome === b.outcome
}
