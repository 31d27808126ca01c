import { PeergradError, quorum, type ControlMessage, type Logger, type PeerId } from '@peergrad/core'
import type { Swarm } from '../membership/swarm.js'
import type { Decision } from './agreement.js'
import { EarlyMessages } from './early-messages.js'
import { RETENTION } from './exchange.js'
import type { Round } from './round.js'

const ASK_DEADLINE = 5000

type RoundMessage = Extract<ControlMessage, { readonly round: number }>

/**
 * Brings messages to the round that they are about, keeps those that come early, and asks for decisions when others
 * are further than this peer.
 */
export class Catcher {
  readonly #swarm: Swarm
  readonly #logger: Logger
  readonly #early = new EarlyMessages()
  readonly #decisions = new Map<number, Decision>()
  readonly #asked = new Set<PeerId>()
  /** who forgot the decision of this round */
  readonly #forgot = new Set<PeerId>()
  #current: Round | undefined

  constructor(swarm: Swarm, logger: Logger) {
    this.#swarm = swarm
    this.#logger = logger
  }

  /** This round has begun. */
  enter(round: Round): void {
    this.#current = round
    this.#asked.clear()
    this.#forgot.clear()
    for (const { from, message } of this.#early.take(round.round)) round.receive(from, message)
  }

  /** Kept for as long as its outcome can be fetched. */
  decided(round: number, decision: Decision): void {
    this.#decisions.set(round, decision)
    this.#decisions.delete(round - RETENTION)
  }

  decision(round: number): Decision | undefined {
    return this.#decisions.get(round)
  }

  receive(from: PeerId, message: RoundMessage, now: number): void {
    if (message.round === this.#current?.round) return this.#current.receive(from, message)
    if (message.round < now) return
    this.#early.keep(from, message, now)
    if (message.round > now) this.ask(from)
  }

  /** Somebody is further: what was decided of this round? */
  ask(peer: PeerId): void {
    const current = this.#current
    if (current === undefined || current.decided || this.#asked.has(peer)) return
    this.#asked.add(peer)
    const { run } = this.#swarm
    this.#swarm.ask(peer, { kind: 'decision', run, round: current.round }, { deadline: ASK_DEADLINE }).then(
      (answer) => {
        if (answer.kind !== 'decided' || this.#current !== current) return
        if (answer.decision !== null) return current.learn(peer, answer.decision)
        this.#forgot.add(peer)
        // one of them may lie; with so many the round is really over
        if (this.#forgot.size >= quorum(current.init.view.members.length) - 1) current.overtaken()
      },
      (thrown: unknown) => {
        this.#asked.delete(peer)
        this.#logger.debug({ peer, error: PeergradError.from(thrown).message }, 'asking for a decision failed')
      }
    )
  }
}
