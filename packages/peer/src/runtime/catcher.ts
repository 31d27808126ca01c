import { PeergradError, quorum, type Clock, type Logger, type PeerId } from '@peergrad/core'
import type { Swarm } from '../membership/swarm.js'
import type { Decision } from './agreement/contract.js'
import { EarlyMessages, type RoundMessage } from './early-messages.js'
import { RETENTION } from './exchange.js'
import type { Round } from './round.js'

const ASK_DEADLINE = 5000
/** Milliseconds in which a peer that takes part in a round sees its end by itself, when others have seen it. */
const MOMENT = 200

/** What a round became, and accepts of it as they were signed. */
export interface Decided {
  readonly decision: Decision
  readonly accepts: readonly Uint8Array[]
}

interface CatcherInit {
  readonly swarm: Swarm
  readonly clock: Clock
  readonly logger: Logger
  /** whether this peer takes a member for gone */
  readonly suspects: (peer: PeerId) => boolean
}

/**
 * Brings messages to the round that they are about, keeps those that come early, and asks for decisions when others
 * are further than this peer.
 */
export class Catcher {
  readonly #swarm: Swarm
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #suspects: CatcherInit['suspects']
  readonly #early = new EarlyMessages()
  readonly #decisions = new Map<number, Decided>()
  readonly #asked = new Set<PeerId>()
  /** who forgot the decision of this round, and who did not bring it for whatever reason */
  readonly #forgot = new Set<PeerId>()
  readonly #failed = new Set<PeerId>()
  #current: Round | undefined

  constructor({ swarm, clock, logger, suspects }: CatcherInit) {
    this.#swarm = swarm
    this.#clock = clock
    this.#logger = logger
    this.#suspects = suspects
  }

  /** This round has begun; `ahead` are further already. */
  enter(round: Round, ahead: readonly PeerId[]): void {
    this.#current = round
    this.#asked.clear()
    this.#forgot.clear()
    this.#failed.clear()
    for (const { from, message, envelope } of this.#early.take(round.round)) {
      // not of a founding that was given up since
      if (message.run === this.#swarm.scope) round.receive(from, message, envelope)
    }
    for (const peer of ahead) this.ask(peer)
  }

  /** Kept for as long as its outcome can be fetched; those from round `floor` on are kept for who catches up. */
  decided(round: number, decided: Decided, floor: number): void {
    this.#decisions.set(round, decided)
    for (const past of this.#decisions.keys()) {
      if (past <= round - RETENTION && past < floor) this.#decisions.delete(past)
    }
  }

  /** The state was taken anew: what was decided before may be of another founding, and its outcomes are gone. */
  forget(): void {
    this.#decisions.clear()
  }

  decision(round: number): Decided | undefined {
    return this.#decisions.get(round)
  }

  receive(from: PeerId, received: RoundMessage, now: number): void {
    const { message, envelope } = received
    if (message.round === this.#current?.round) return this.#current.receive(from, message, envelope)
    if (message.round < now) return
    this.#early.keep(from, received, now)
    if (message.round > now) this.ask(from)
  }

  /** Somebody is further: what was decided of this round? */
  ask(peer: PeerId): void {
    const current = this.#current
    if (current === undefined || current.decided) return
    // others may be gone by now
    if (this.#asked.has(peer)) return this.#judge(current)
    this.#asked.add(peer)
    if (current.init.votes) this.#clock.after(MOMENT, () => this.#ask(peer, current))
    else this.#ask(peer, current)
  }

  #ask(peer: PeerId, current: Round): void {
    if (this.#current !== current || current.decided) return
    const { run } = this.#swarm
    this.#swarm.ask(peer, { kind: 'decision', run, round: current.round }, { deadline: ASK_DEADLINE }).then(
      (answer) => {
        if (answer.kind !== 'decided' || this.#current !== current) return
        if (answer.decision !== null) current.learn(peer, answer.decision, answer.accepts)
        ;(answer.decision === null ? this.#forgot : this.#failed).add(peer)
        this.#judge(current)
      },
      (thrown: unknown) => {
        this.#asked.delete(peer)
        if (this.#current === current) this.#failed.add(peer)
        this.#logger.debug({ peer, error: PeergradError.from(thrown).message }, 'asking for a decision failed')
      }
    )
  }

  /**
   * As long as a run goes on, those that lie and those that are gone are fewer than are counted here: one of them tells the
   * truth, and the round is over.
   */
  #judge(current: Round): void {
    const { members } = current.init.view
    if (current.decided || !members.some((peer) => this.#forgot.has(peer))) return
    const without = members.filter((peer) => this.#forgot.has(peer) || this.#failed.has(peer) || this.#suspects(peer))
    if (without.length > members.length - quorum(members.length)) current.overtaken()
  }
}
