import type { Digest, PeerId, Proposal } from '@peergrad/core'
import type { Announced } from './announced.js'
import type { AgreementInit, Decision } from './contract.js'
import type { Doubts } from './doubts.js'
import type { Held, Promises } from './promises.js'

/** What a ballot is about; `outcome` is null when the exchange is still to be made. */
export interface Proposed {
  readonly proposal: Proposal
  readonly outcome: Digest | null
}

/** What is to be done here for a proposal, and who has the outcome that is to be adopted. */
export interface Work extends Proposed {
  readonly holders: readonly PeerId[]
}

/** A proposal may not be accepted, because of these. */
export interface Refusal {
  readonly because: readonly PeerId[]
}

/** What a member knows of the ballot in hand beside what the others said. */
export interface Standpoint {
  readonly ballot: number
  readonly coordinator: PeerId
  /** in the moment in which all can promise, and this peer can hear what its coordinator knew */
  readonly patient: boolean
  /** what this peer accepted last */
  readonly accepted: Decision | undefined
}

/**
 * Holds what a coordinator proposes against what this member knows itself. What nobody can have decided before, whatever the
 * coordinator says, is made here like a new one; and a new one has to be what this member would propose. Whoever has heard what
 * the coordinator had heard comes to the same as it did.
 */
export class Scrutiny {
  readonly #init: Pick<AgreementInit, 'self' | 'plausible' | 'nameOf'>
  readonly #promises: Promises
  readonly #announced: Announced
  readonly #doubts: Doubts

  constructor(
    init: Pick<AgreementInit, 'self' | 'plausible' | 'nameOf'>,
    promises: Promises,
    announced: Announced,
    doubts: Doubts
  ) {
    this.#init = init
    this.#promises = promises
    this.#announced = announced
    this.#doubts = doubts
  }

  /** What may be done here for a proposal; unknown while this peer has heard too little. */
  judge({ proposal, outcome }: Proposed, from: Standpoint): Work | Refusal | 'unknown' {
    const { ballot, coordinator, accepted } = from
    const earlier = this.earlier(ballot)
    if (earlier === 'unknown') return 'unknown'
    if (earlier === undefined) {
      const holds = outcome !== null && this.holds(accepted, proposal, outcome)
      return holds ? { proposal, outcome, holders: [coordinator] } : this.#makeable(proposal, from)
    }
    const isSame = earlier.outcome === outcome && earlier.name === this.#init.nameOf(proposal)
    if (!isSame || this.waitsForPromises(from)) return 'unknown'
    return { proposal, outcome, holders: [...new Set([coordinator, ...earlier.holders])] }
  }

  /** What an earlier ballot may have decided; unknown while too few have promised. */
  earlier(ballot: number): Held | 'unknown' | undefined {
    if (ballot === 0) return undefined
    return this.#promises.enough ? this.#promises.earlier() : 'unknown'
  }

  /** Those that are silent may still say that nothing was decided. */
  waitsForPromises({ patient }: Pick<Standpoint, 'patient'>): boolean {
    return patient && !this.#promises.whole
  }

  /** Whether this peer has made, or adopted, that outcome of it itself. */
  holds(accepted: Decision | undefined, proposal: Proposal, outcome: Digest): boolean {
    const { nameOf } = this.#init
    return accepted?.outcome === outcome && nameOf(accepted.proposal) === nameOf(proposal)
  }

  /** What was given has to be what its owners said to this peer itself, and the rest what it would propose. */
  #makeable(proposal: Proposal, { coordinator, patient }: Standpoint): Work | Refusal | 'unknown' {
    const contradicted = this.#contradicted(proposal)
    // what this peer gives itself only who proposed it can have wrong
    if (contradicted.includes(this.#init.self)) return { because: [coordinator] }
    if (contradicted.length > 0) return { because: contradicted }
    const unheard = proposal.contributions.filter((given) => !this.#announced.has(given)).map(({ peer }) => peer)
    // who is gone does not say it again
    const gone = unheard.filter((peer) => this.#doubts.isLost(peer))
    if (gone.length > 0) return { because: gone }
    if (unheard.length > 0) return 'unknown'
    if (this.#init.plausible(proposal)) return { proposal, outcome: null, holders: [coordinator] }
    return patient ? 'unknown' : { because: [coordinator] }
  }

  /** Contributors that told the coordinator another thing than they told this peer, or are proved to lie. */
  #contradicted({ contributions }: Proposal): PeerId[] {
    const bad = contributions.filter((given) => this.#doubts.isProved(given.peer) || this.#announced.contradicts(given))
    return bad.map(({ peer }) => peer)
  }
}
