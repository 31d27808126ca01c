import { DERIVED_LIMIT, PeergradError, type Clock, type PeerId } from '@peergrad/core'

/** Milliseconds without news of a peer until it is asked, at first and at most: a question in vain doubles them. */
const SILENCE = { first: 250, most: 1000 }
/** Questions in a row to which no answer comes until a peer is mute. */
const MUTE = 2

/** A vector that a peer makes in the exchange of a ballot. */
interface Wanted {
  readonly ballot: number
  readonly label: string
}

/** A vector that a member has not announced. */
export interface Missing {
  readonly label: string
  readonly peer: PeerId
}

export interface VectorInquiriesInit {
  readonly clock: Clock
  /** Asks a peer for these of a ballot, at most DERIVED_LIMIT. Resolves when what it answers was heard. */
  readonly ask: (peer: PeerId, ballot: number, labels: readonly string[]) => Promise<void>
  /** a peer is mute now */
  readonly onMute: () => void
}

interface Inquiry {
  readonly wanted: Set<Wanted>
  /** milliseconds without news until the next question */
  silence: number
  /** questions without an answer since the last word of the peer */
  unanswered: number
  asking: boolean
  cancel: () => void
}

/**
 * Asks a peer from which something is waited for and nothing is heard, since what it announced may be lost. One question at a
 * time goes to each for as long as something is waited for, about all of it; none goes to a peer that is heard.
 */
export class VectorInquiries {
  readonly #init: VectorInquiriesInit
  readonly #peers = new Map<PeerId, Inquiry>()

  constructor(init: VectorInquiriesInit) {
    this.#init = init
  }

  /** The first of what is waited for. */
  get missing(): Missing | undefined {
    for (const [peer, { wanted }] of this.#peers) for (const { label } of wanted) return { label, peer }
    return undefined
  }

  /** Whether the peer answers no question about what is waited for. */
  isMute(peer: PeerId): boolean {
    return (this.#peers.get(peer)?.unanswered ?? 0) >= MUTE
  }

  /** It is waited for until what is returned is called. */
  about(peer: PeerId, wanted: Wanted): () => void {
    const inquiry = this.#peers.get(peer) ?? this.#begin(peer)
    inquiry.wanted.add(wanted)
    return () => {
      inquiry.wanted.delete(wanted)
      if (inquiry.wanted.size > 0) return
      inquiry.cancel()
      this.#peers.delete(peer)
    }
  }

  /** The peer said something new. */
  heard(peer: PeerId): void {
    const inquiry = this.#peers.get(peer)
    if (inquiry === undefined) return
    inquiry.silence = SILENCE.first
    inquiry.unanswered = 0
    if (!inquiry.asking) this.#listen(peer, inquiry)
  }

  #begin(peer: PeerId): Inquiry {
    const inquiry: Inquiry = {
      wanted: new Set(),
      silence: SILENCE.first,
      unanswered: 0,
      asking: false,
      cancel: () => {}
    }
    this.#peers.set(peer, inquiry)
    this.#listen(peer, inquiry)
    return inquiry
  }

  #listen(peer: PeerId, inquiry: Inquiry): void {
    inquiry.cancel()
    inquiry.cancel = this.#init.clock.after(inquiry.silence, () => void this.#ask(peer, inquiry))
  }

  async #ask(peer: PeerId, inquiry: Inquiry): Promise<void> {
    inquiry.silence = Math.min(SILENCE.most, 2 * inquiry.silence)
    inquiry.asking = true
    const ballot = Math.max(...[...inquiry.wanted].map(({ ballot }) => ballot))
    const labels = [...inquiry.wanted].filter((wanted) => wanted.ballot === ballot).map(({ label }) => label)
    // who does not answer is asked again
    const answered = await this.#init.ask(peer, ballot, labels.slice(0, DERIVED_LIMIT)).then(
      () => true,
      (thrown: unknown) => !['unreachable', 'timeout'].includes(PeergradError.from(thrown).code)
    )
    inquiry.asking = false
    inquiry.unanswered = answered ? 0 : inquiry.unanswered + 1
    if (this.isMute(peer)) this.#init.onMute()
    if (this.#peers.get(peer) === inquiry) this.#listen(peer, inquiry)
  }
}
