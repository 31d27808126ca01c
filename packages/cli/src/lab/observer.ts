import type { Digest, PeergradError, PeerId, RunEvent, Strategy } from '@peergrad/core'
import type { Evaluation, Outcome, Standing } from './outcome.js'

export interface ObserverInit {
  readonly strategy: Strategy
  /** hostile peers, which have the last ranks of the first view */
  readonly byzantine: number
  /** milliseconds that a round waits for contributions */
  readonly deadline: number
  /** accuracy of who guesses: what a model that diverged is worth */
  readonly chance: number
}

/** What an honest peer did, by its events. */
interface Witness {
  rounds: number
  received: number
  /** bytes by the strategy's formula */
  expected: number
  view: readonly PeerId[]
  hash: Digest | undefined
  /** what the formula was asked about its last round */
  last: Parameters<Strategy['traffic']>[0] | undefined
}

/** Puts together what a run came to from the events of its honest peers; what hostile ones say counts for nothing. */
export class Observer {
  readonly #init: ObserverInit
  readonly #witnesses = new Map<PeerId, Witness>()
  readonly #evaluations = new Map<number, Evaluation>()
  readonly #delayed = new Set<number>()
  #first: readonly PeerId[] = []
  /** whether a hostile peer is in a view, by its number */
  readonly #hostileIn = new Map<number, boolean>()
  /** rounds up to the last one that was made in a view, by the view's number */
  readonly #roundsOf = new Map<number, number>()

  constructor(init: ObserverInit) {
    this.#init = init
  }

  /** Members of the first view that are honest, in rank order. */
  get honest(): readonly PeerId[] {
    return this.#first.slice(0, this.#first.length - this.#init.byzantine)
  }

  /** Rounds that all honest peers have ended; none before there is a view. */
  get rounds(): number {
    const rounds = this.honest.map((peer) => this.#witnesses.get(peer)?.rounds ?? 0)
    return rounds.length === 0 ? 0 : Math.min(...rounds)
  }

  add(event: RunEvent): void {
    if (event.type === 'view' && this.#first.length === 0) this.#first = event.members
    if (!this.honest.includes(event.peer)) return
    const witness = this.#witness(event.peer)
    if (event.type === 'view') this.#addView(witness, event)
    else if (event.type === 'round') this.#addRound(witness, event)
    else if (event.type === 'evaluated') this.#addEvaluation(event)
    else if (event.type === 'finished') this.#addEnd(witness, event.parametersHash)
  }

  /**
   * @param ended what an honest peer ended with before its time
   * @param seconds that the run took
   */
  outcome({ ended, seconds }: { ended: PeergradError | undefined; seconds: number }): Outcome {
    const hashes = this.honest.map((peer) => this.#witnesses.get(peer)?.hash)
    const [hash] = hashes
    const agreed = hash !== undefined && hashes.every((each) => each === hash)
    const evaluations = [...this.#evaluations.values()].sort((a, b) => a.round - b.round)
    const accuracies = evaluations.map(({ accuracy }) => accuracy)
    // who cannot train on has no model that is worth anything, and whose run was ended has none
    if (ended !== undefined) accuracies.push(this.#init.chance)
    return {
      parametersHash: agreed ? hash : null,
      rounds: this.rounds,
      seconds,
      evaluations,
      best: accuracies.length === 0 ? null : Math.max(...accuracies),
      last: accuracies.at(-1) ?? null,
      chance: this.#init.chance,
      ended: ended === undefined ? null : { code: ended.code, message: ended.message },
      standing: this.#standing(agreed, ended)
    }
  }

  #standing(agreed: boolean, ended: PeergradError | undefined): Standing {
    const witnesses = this.honest.map((peer) => this.#witness(peer))
    const why = this.#whyNot(agreed, ended)
    return {
      held: why === null,
      why,
      delayed: this.#delayed.size,
      wasted: Math.max(
        0,
        witnesses.reduce((sum, { received, expected }) => sum + received - expected, 0)
      ),
      exclusion: this.#exclusion
    }
  }

  #whyNot(agreed: boolean, ended: PeergradError | undefined): string | null {
    if (ended !== undefined) return ended.message
    const missed = this.honest.filter((peer) => this.#witnesses.get(peer)?.hash === undefined)
    if (missed.length > 0) return `${missed.length} of ${this.honest.length} honest peers did not get to the end`
    if (!agreed) return 'the honest peers do not hold the same parameters'
    const shut = this.honest.filter((peer) => !this.honest.every((other) => this.#witness(other).view.includes(peer)))
    return shut.length === 0 ? null : `${shut.length} honest peers were shut out`
  }

  /** A view is told before the round at whose end it was made. */
  get #exclusion(): number | null {
    const last = Math.max(-1, ...[...this.#hostileIn].flatMap(([view, hostile]) => (hostile ? [view] : [])))
    if (![...this.#hostileIn.keys()].some((view) => view > last)) return null
    return Math.max(0, ...[...this.#roundsOf].flatMap(([view, rounds]) => (view <= last ? [rounds] : [])))
  }

  #addView(witness: Witness, { number, members }: Extract<RunEvent, { type: 'view' }>): void {
    witness.view = members
    if (this.#init.byzantine === 0) return
    const hostile = this.#first.slice(this.honest.length)
    this.#hostileIn.set(
      number,
      members.some((peer) => hostile.includes(peer))
    )
  }

  /** The last round may have a formula of its own. */
  #addEnd(witness: Witness, hash: Digest): void {
    const { strategy } = this.#init
    const { last } = witness
    witness.hash = hash
    if (last === undefined) return
    witness.expected += strategy.traffic({ ...last, last: true }).received - strategy.traffic(last).received
  }

  #addRound(witness: Witness, event: Extract<RunEvent, { type: 'round' }>): void {
    const { round, attempt, view, seconds, contributors, bytesReceived, packed, peer } = event
    this.#roundsOf.set(view, Math.max(this.#roundsOf.get(view) ?? 0, round + 1))
    witness.last = undefined
    witness.rounds = Math.max(witness.rounds, round + 1)
    witness.received += bytesReceived
    const rank = contributors.indexOf(peer)
    if (rank >= 0 && packed !== undefined) {
      witness.last = { peers: contributors.length, rank, bytes: packed.bytes }
      witness.expected += this.#init.strategy.traffic(witness.last).received
    }
    if (attempt > 0 || 1000 * seconds >= this.#init.deadline) this.#delayed.add(round)
  }

  /** All honest peers hold the same model; the evaluation on most samples is kept. */
  #addEvaluation({ round, accuracy, loss, samples }: Extract<RunEvent, { type: 'evaluated' }>): void {
    const known = this.#evaluations.get(round)
    if (known === undefined || samples > known.samples) this.#evaluations.set(round, { round, accuracy, loss, samples })
  }

  #witness(peer: PeerId): Witness {
    let witness = this.#witnesses.get(peer)
    if (witness === undefined) {
      witness = { rounds: 0, received: 0, expected: 0, view: this.#first, hash: undefined, last: undefined }
      this.#witnesses.set(peer, witness)
    }
    return witness
  }
}
