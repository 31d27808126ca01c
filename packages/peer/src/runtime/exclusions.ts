import {
  DONATED_EVIDENCE,
  Emitter,
  EVIDENCE_LIMIT,
  PeergradError,
  type ControlMessage,
  type Evidence,
  type PeerId
} from '@peergrad/core'
import type { Roster } from '../membership/roster.js'
import type { Swarm } from '../membership/swarm.js'
import { checkEvidence } from './evidence.js'
import type { EventBody } from './journal.js'

/** Excluded peers that are remembered: each was a member once, so a run has few. */
const REMEMBERED = 256

export interface ExclusionsInit {
  readonly swarm: Swarm
  readonly roster: Roster
  readonly emit: (event: EventBody) => void
}

interface ExclusionEvents extends Record<string, unknown> {
  /** the round in hand must do without the peer */
  excluded: { readonly peer: PeerId }
  /** it is this peer that is excluded */
  self: { readonly error: PeergradError }
}

/**
 * Who is excluded from the run. It takes a proof that anybody can check, and whoever has it acts on it at once: the
 * peer's contributions count no more, its connection is closed, it is lost to the view, and it is not taken in again.
 * The proof is gossiped, goes with the decision that drops the peer, and with the state that a newcomer takes; so
 * everybody excludes it, in the same round at the latest.
 */
export class Exclusions extends Emitter<ExclusionEvents> {
  readonly #init: ExclusionsInit
  readonly #proofs = new Map<PeerId, Evidence>()

  constructor(init: ExclusionsInit) {
    super()
    this.#init = init
    const { swarm, roster } = init
    swarm.exclude((peer) => this.#reason(peer))
    // somebody who did not know may have proposed to take it in
    roster.on('view', ({ members }) => {
      for (const peer of members) if (this.has(peer)) roster.exclude(peer)
    })
  }

  has(peer: PeerId): boolean {
    return this.#proofs.has(peer)
  }

  /** Two contributions of one peer to one round came here. */
  found(evidence: Evidence): void {
    if (this.has(evidence.peer)) return
    const { swarm, emit } = this.#init
    emit({ type: 'equivocated', other: evidence.peer, round: evidence.round, envelopes: texts(evidence) })
    // only what the others can read and check
    if (this.convinces([evidence])) swarm.send({ kind: 'proof', run: swarm.scope, ...evidence })
  }

  /** A peer says that it has a proof. Only members can be excluded, so that nobody fills the memory with made-up peers. */
  told(from: PeerId, { peer, round, envelopes }: Extract<ControlMessage, { kind: 'proof' }>): void {
    const { swarm, roster } = this.#init
    if (roster.isMember(peer) && !this.convinces([{ peer, round, envelopes }])) swarm.mesh.report(from, 'malformed')
  }

  /** Takes proofs in. False when one of them proves nothing. */
  convinces(proofs: readonly Evidence[]): boolean {
    try {
      for (const evidence of proofs) this.#learn(evidence)
      return true
    } catch (thrown) {
      if (PeergradError.from(thrown).code !== 'corrupt') throw thrown
      return false
    }
  }

  /** What a proposal to go on without these says. */
  against(peers: readonly PeerId[]): Evidence[] {
    return peers.flatMap((peer) => this.#proofs.get(peer) ?? []).slice(0, EVIDENCE_LIMIT)
  }

  /** What a newcomer is told. */
  donated(): Evidence[] {
    return [...this.#proofs.values()].slice(-DONATED_EVIDENCE)
  }

  #learn({ peer, round, envelopes: [first, second] }: Evidence): void {
    if (this.has(peer)) return
    const { mesh, scope } = this.#init.swarm
    // copies of their own size: what came is part of a larger message
    const evidence: Evidence = { peer, round, envelopes: [Uint8Array.from(first), Uint8Array.from(second)] }
    checkEvidence(evidence, mesh, scope)
    this.#proofs.set(peer, evidence)
    const oldest = this.#proofs.keys().next()
    if (this.#proofs.size > REMEMBERED && oldest.done !== true) this.#proofs.delete(oldest.value)
    // whoever is in the middle of a message goes on as it was
    queueMicrotask(() => this.#apply(evidence))
  }

  #apply(evidence: Evidence): void {
    const { swarm, roster, emit } = this.#init
    const { peer, round } = evidence
    const reason = this.#reason(peer) ?? ''
    if (peer === swarm.mesh.self) {
      const message = `this peer is excluded from the run: ${reason}; two processes must not have one key`
      return this.emit('self', { error: new PeergradError('refused', message, { round }) })
    }
    emit({ type: 'excluded', other: peer, round, reason, evidence: texts(evidence) })
    swarm.mesh.report(peer, 'equivocation')
    swarm.expel(peer)
    roster.exclude(peer)
    this.emit('excluded', { peer })
  }

  #reason(peer: PeerId): string | undefined {
    const proof = this.#proofs.get(peer)
    return proof && `it signed two contributions to round ${proof.round} that contradict each other`
  }
}

function texts({ envelopes }: Evidence): string[] {
  return envelopes.map((envelope) => Buffer.from(envelope).toString('base64'))
}
