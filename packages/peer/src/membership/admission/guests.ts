import { DONATED_GUESTS, type Guest, type PeerId } from '@peergrad/core'

/** Peers that are remembered for one invitation beside the one that used it. */
const RIVALS = 8

/** What a peer showed: an invitation for one peer that names it. */
export interface Showing extends Guest {
  /** end of the invitation, time of day in milliseconds */
  readonly until: number
}

interface Use {
  guest: Showing
  /** others that showed the same invitation */
  readonly rivals: Map<PeerId, Showing>
}

export interface GuestsInit {
  /** whether a peer is in the view */
  readonly isMember: (peer: PeerId) => boolean
  /** time of day in milliseconds */
  readonly now: () => number
}

/**
 * Which peer used each invitation that is for one. As each peer sees it, that is the one that showed it first; where two
 * showed it to different peers at once, it is the one that the view takes in. The view is agreed on by all: so they come to
 * the same answer, and nobody is turned away who is in it.
 */
export class Guests {
  readonly #init: GuestsInit
  /** by the key of the invitation */
  readonly #uses = new Map<PeerId, Use>()
  /** key of the invitation that a peer showed last */
  readonly #holders = new Map<PeerId, PeerId>()

  constructor(init: GuestsInit) {
    this.#init = init
  }

  /** Whom the invitation of a key is used by; undefined when by nobody yet. */
  userOf(holder: PeerId): PeerId | undefined {
    return this.#uses.get(holder)?.guest.peer
  }

  /** A peer shows the invitation of a key. Returns whom that is used by. */
  use(holder: PeerId, showing: Showing): PeerId {
    const { peer } = showing
    const use = this.#uses.get(holder) ?? this.#begin(holder, showing)
    if (use.guest.peer !== peer) {
      if (use.rivals.size >= RIVALS && !use.rivals.has(peer) && !this.#init.isMember(peer)) return use.guest.peer
      use.rivals.set(peer, showing)
    }
    this.#holders.set(peer, holder)
    this.#judge(holder, use)
    return use.guest.peer
  }

  /** Another peer says who used it, and was there before this one: that goes before who came here first. */
  told(holder: PeerId, showing: Showing): void {
    this.use(holder, showing)
    const use = this.#uses.get(holder)
    if (use !== undefined && !this.#init.isMember(use.guest.peer)) give(use, showing)
  }

  /** The peer may take part by something else than the invitation that it showed before. */
  release(peer: PeerId): void {
    this.#holders.delete(peer)
  }

  /** Who used the invitation that the peer showed, when that is another one. */
  insteadOf(peer: PeerId): PeerId | undefined {
    const holder = this.#holders.get(peer)
    const user = holder === undefined ? undefined : this.userOf(holder)
    return user === peer || this.#init.isMember(peer) ? undefined : user
  }

  /** The view is another one. */
  settle(): void {
    for (const [holder, use] of this.#uses) this.#judge(holder, use)
  }

  /** What a newcomer is told: members of the view show it themselves. */
  list(): Guest[] {
    const guests = [...this.#uses.values()].map(({ guest }) => guest)
    const { isMember, now } = this.#init
    const gone = guests.filter(({ peer, until }) => !isMember(peer) && until >= now())
    return gone.slice(-DONATED_GUESTS).map(({ peer, credential }) => ({ peer, credential }))
  }

  #begin(holder: PeerId, guest: Showing): Use {
    this.#forgetEnded()
    const use: Use = { guest, rivals: new Map() }
    this.#uses.set(holder, use)
    return use
  }

  #judge(holder: PeerId, use: Use): void {
    const { isMember } = this.#init
    if (isMember(use.guest.peer)) return
    const taken = [...use.rivals.values()].find(({ peer }) => isMember(peer) && this.#holders.get(peer) === holder)
    if (taken !== undefined) give(use, taken)
  }

  /** What has ended lets nobody in any more. */
  #forgetEnded(): void {
    for (const [holder, { guest, rivals }] of this.#uses) {
      if (guest.until >= this.#init.now()) continue
      this.#uses.delete(holder)
      for (const peer of [guest.peer, ...rivals.keys()])
        if (this.#holders.get(peer) === holder) this.#holders.delete(peer)
    }
  }
}

function give(use: Use, to: Showing): void {
  if (use.guest.peer === to.peer) return
  use.rivals.set(use.guest.peer, use.guest)
  use.rivals.delete(to.peer)
  use.guest = to
}
