import { quorum, type ContributionManifest, type Digest, type PeerId, type Proposal } from '@peergrad/core'
import { Accepts } from './accepts.js'
import { Announced } from './announced.js'
import type { Accepted, AgreementInit, AgreementMessage, Body, Decision } from './contract.js'
import { Dissent } from './dissent.js'
import { Doubts } from './doubts.js'
import { Promises } from './promises.js'
import { Scrutiny, type Proposed, type Standpoint, type Work } from './scrutiny.js'
import { Turns } from './turns.js'

/** Turns of all members by which one message may raise the ballot. */
const BALLOTS = 8

/**
 * Agreement on one round: single-decree Paxos (Lamport, "Paxos Made Simple", 2001) whose value is the proposal
 * {contributions, next members, end}, with ballot b led by member b mod n and phase 1 left out of ballot 0. A member
 * accepts only when it holds the outcome of the proposal's exchange, so a decided round has its outcome in a majority
 * of hands, whoever dies next; and the outcome's digest is part of what is accepted, so all apply the same bits.
 * Without faults: n manifests, then n−1 propose and n(n−1) accept messages.
 *
 * Nobody takes a coordinator's word. Each counts the accepts itself; in a later ballot each hears what the others promised,
 * and holds against it what is proposed; and no member accepts what it would not have proposed by what it knows. So what is
 * decided was made by an honest member, as long as fewer members lie or are silent than make a quorum.
 *
 * A member that came back within the round has forgotten what it accepted. It takes no part in ballot 0, and says so in what it
 * promises in later ones, where it counts as one that is silent.
 *
 * Pure: no clock, no network, no randomness. The runtime feeds it messages, suspicions and time-outs.
 */
export class RoundAgreement {
  readonly #init: AgreementInit
  readonly #turns: Turns
  readonly #promises: Promises
  readonly #accepts = new Accepts()
  readonly #dissent: Dissent
  readonly #doubts = new Doubts()
  readonly #announced = new Announced()
  readonly #scrutiny: Scrutiny
  readonly #proposals = new Map<number, Proposed>()
  /** members that could not make the exchange of the ballot in hand, and because of whom */
  readonly #failures = new Map<PeerId, readonly PeerId[]>()
  #promised = 0
  #accepted: Decision | undefined
  /** ballot that this peer leads now */
  #leading: number | undefined
  #collected = false
  /** nothing but the view is to change */
  #hurried = false
  /** the highest ballot whose proposal is worked on here, or was refused */
  #taken = -1
  /** in the moment in which all can promise, and this peer can hear what its coordinator knew */
  #patient = true
  /** time-outs since the ballot last rose */
  #stalls = 0
  #decided = false

  constructor(init: AgreementInit) {
    this.#init = init
    this.#turns = new Turns(init.view.members)
    this.#promises = new Promises(init.view.members.length, init.nameOf)
    this.#dissent = new Dissent({
      members: init.view.members.length,
      accepts: this.#accepts,
      onDivided: (outcomes) => init.effects.divided(outcomes)
    })
    this.#scrutiny = new Scrutiny(init, this.#promises, this.#announced, this.#doubts)
    if (this.coordinator(0) === init.self && init.remembers()) this.#leading = 0
  }

  get decided(): boolean {
    return this.#decided
  }

  /** The highest ballot that this peer has heard of. */
  get ballot(): number {
    return this.#promised
  }

  coordinator(ballot: number): PeerId {
    return this.#turns.coordinator(ballot)
  }

  /** The whole state as text, the same text for the same state: for logs and the model check. */
  snapshot(): string {
    return JSON.stringify({
      promised: this.#promised,
      leading: this.#leading ?? null,
      collected: this.#collected,
      hurried: this.#hurried,
      // what it is good for is past, once the ballot is taken up
      patient: this.#patient && !this.#isTaken,
      taken: this.#isTaken,
      stalls: this.#stalls,
      ...this.#dissent.snapshot(),
      decided: this.#decided,
      accepted: this.#accepted ?? null,
      manifests: sorted(this.#announced.entries),
      ...this.#doubts.snapshot(),
      failures: sorted(this.#failures),
      promises: sorted(this.#promises.entries),
      proposals: sorted(this.#proposals),
      accepts: sorted(this.#accepts.entries).map(([ballot, held]) => [ballot, sorted(held)]),
      dissent: sorted(this.#dissent.entries).map(([ballot, held]) => [ballot, sorted(held)])
    })
  }

  /** A contribution that was announced. */
  manifest(manifest: ContributionManifest): void {
    this.#announced.add(manifest)
    this.#propose()
    this.#consider()
  }

  /** The time for contributions is over: propose with those that are here. */
  collected(): void {
    this.#collected = true
    this.#propose()
  }

  /**
   * No decision in time: the next coordinator takes over, as if this one were gone, and the one after it at the next
   * call, since a ballot that this peer did not hear of may be in the way. Who could not be read is tried again.
   */
  stalled(): void {
    if (this.#decided) return
    this.#stalls += 1
    this.#doubts.pardon()
    this.#noteTorn()
    this.#dissent.timeOut()
    if (this.#successor(this.#stalls) === this.#init.self) this.#lead()
  }

  /**
   * Members are about to go without whom nothing can be decided, and what is in hand may take longer than they stay:
   * a round without contributions changes the view.
   */
  hurry(): void {
    if (this.#decided) return
    this.#hurried = true
    const coordinator = this.coordinator(this.#promised)
    const leader = this.#doubts.able(coordinator) ? coordinator : this.#successor()
    if (leader !== this.#init.self) return
    const proposed = this.#proposals.get(this.#promised)
    if (this.#mayPropose) this.#propose()
    else if (proposed?.proposal.contributions.length !== 0) this.#lead()
  }

  /** The moment of a ballot is over: on with what is known. */
  settle(ballot: number): void {
    if (ballot !== this.#promised) return
    this.#patient = false
    this.#propose()
    this.#consider()
  }

  /** The members agree that a peer is gone: nobody waits for it, and its roles go to others. */
  lose(peer: PeerId): void {
    this.#doubts.lose(peer)
    if (this.#decided) return
    if (this.#doubts.isLost(this.coordinator(this.#promised))) {
      if (this.#successor() === this.#init.self) this.#lead()
    } else {
      this.#reconsider()
      this.#propose()
      this.#consider()
      this.#moveOn(this.#promised)
    }
  }

  regain(peer: PeerId): void {
    this.#doubts.regain(peer)
  }

  /** Somebody is here that a proposal may wait for. Who could not be read is tried again, if there are too few without. */
  retry(): void {
    if (!this.#mayPropose) return
    if (this.#init.view.members.filter(this.#doubts.usable).length < this.#init.minimum()) this.#doubts.pardon()
    this.#propose()
  }

  /** The peer was caught lying: a quorum must do without it. */
  distrust(peer: PeerId): void {
    this.#doubts.distrust(peer)
    this.#promises.forget(peer)
    this.#accepts.forget(peer)
    this.#dissent.forget(peer)
  }

  /** The peer is proved to lie: besides, no exchange of what it gave is begun any more. */
  exclude(peer: PeerId): void {
    this.#doubts.prove(peer)
    this.distrust(peer)
  }

  /** The exchange of a ballot ended here with this outcome. */
  completed(ballot: number, outcome: Digest): void {
    const proposed = this.#proposals.get(ballot)
    if (this.#decided || proposed === undefined || ballot < this.#promised) return
    this.#accepted = { ballot, proposal: proposed.proposal, outcome }
    const accepted = { proposal: this.#init.nameOf(proposed.proposal), outcome }
    this.#init.effects.send({ kind: 'accept', ballot, ...accepted })
    this.#accept(this.#init.self, ballot, accepted)
  }

  /** The exchange of a ballot could not be made here, because of these peers. */
  failed(ballot: number, peers: readonly PeerId[]): void {
    if (this.#decided || ballot < this.#promised) return
    // what was to be adopted and cannot be made here either, its coordinator would propose for ever
    const { outcome = null } = this.#proposals.get(ballot) ?? {}
    const claimed = peers.length > 0 && outcome !== null
    const because = [...new Set(claimed ? [...peers, this.coordinator(ballot)] : peers)]
    this.#init.effects.send({ kind: 'failed', ballot, peers: because })
    this.#onFailed(this.#init.self, ballot, because)
  }

  /** A message of a member of the view, already checked for its form. */
  receive(from: PeerId, message: AgreementMessage): void {
    if (this.#decided) return
    // each ballot is a turn of somebody: whoever is further ahead than a few turns of all lies, or this peer was away
    const most = this.#promised + BALLOTS * this.#init.view.members.length
    if (message.ballot > most) {
      // it follows by so much a message, which is repeated
      if (message.kind === 'prepare' && this.coordinator(message.ballot) === from) this.#raise(most)
      return
    }
    if (this.#doubts.lies(from)) return this.#onLiar(from, message)
    switch (message.kind) {
      case 'prepare':
        return this.#onPrepare(from, message.ballot)
      case 'promise':
        return this.#onPromise(from, message)
      case 'propose':
        return this.#onPropose(from, message)
      case 'accept':
        return this.#accept(from, message.ballot, message)
      case 'failed':
        return this.#onFailed(from, message.ballot, message.peers)
    }
  }

  /**
   * A decision that this peer was told, and who is proved to have accepted it. With those that it heard of itself they must be
   * a quorum.
   */
  learn(decision: Decision, accepters: readonly PeerId[]): void {
    const { ballot, proposal, outcome } = decision
    const { members } = this.#init.view
    if (this.#decided || !this.#init.valid(proposal)) return
    const heard = this.#accepts.holders(ballot, { proposal: this.#init.nameOf(proposal), outcome })
    const holders = new Set([...heard, ...accepters.filter((peer) => members.includes(peer))])
    if (holders.size >= quorum(members.length)) this.#decide(decision, [...holders])
  }

  /** Others may take part in its ballot: this peer says to them what it has accepted, lest it be taken for one that is gone. */
  #onLiar(from: PeerId, message: AgreementMessage): void {
    if (message.kind === 'prepare' || message.kind === 'propose') this.#onPrepare(from, message.ballot)
  }

  #onPrepare(from: PeerId, ballot: number): void {
    if (ballot <= this.#promised || this.coordinator(ballot) !== from) return
    this.#raise(ballot)
    this.#promise(ballot)
  }

  #promise(ballot: number): void {
    const forgot = this.#init.remembers() ? {} : ({ forgot: true } as const)
    const promise = { kind: 'promise', ballot, accepted: this.#accepted ?? null, ...forgot } as const
    this.#init.effects.send(promise)
    this.#init.effects.pause(ballot)
    this.#promises.add(this.#init.self, promise)
  }

  #onPromise(from: PeerId, message: Body<'promise'>): void {
    const { accepted } = message
    // no honest member accepted such a thing, and whoever proposed it again would be taken for the liar
    const possible = accepted === null || (accepted.ballot < message.ballot && this.#init.valid(accepted.proposal))
    if (possible && accepted !== null) {
      const { ballot, proposal, outcome } = accepted
      const name = this.#init.nameOf(proposal)
      this.#dissent.promised(ballot, from, { proposal: name, outcome })
      this.#compare(ballot, name)
    }
    if (message.ballot !== this.#promised || this.#isTaken) return
    if (!possible) return this.distrust(from)
    this.#promises.add(from, message)
    this.#propose()
    this.#consider()
  }

  #onPropose(from: PeerId, { ballot, proposal, outcome }: Body<'propose'>): void {
    if (ballot < this.#promised || this.coordinator(ballot) !== from || this.#proposals.has(ballot)) return
    if (ballot > this.#promised) {
      this.#raise(ballot)
      this.#promise(ballot)
    }
    // in ballot 0 there is nothing yet that anybody could have accepted
    if (!this.#init.valid(proposal) || (ballot === 0 && outcome !== null)) {
      this.distrust(from)
      if (this.#successor() === this.#init.self) this.#lead()
      return
    }
    this.#proposals.set(ballot, { proposal, outcome })
    if (ballot === 0) this.#init.effects.pause(ballot)
    this.#consider()
  }

  /** Works on what is proposed in the ballot in hand, once this peer knows that it may. */
  #consider(): void {
    const ballot = this.#promised
    const proposed = this.#proposals.get(ballot)
    if (proposed === undefined || this.#decided || this.#isTaken) return
    if (ballot === 0 && !this.#init.remembers()) {
      // there nobody would be told what may have been decided with what this peer accepted
      this.#take(ballot)
      return this.failed(ballot, [])
    }
    const work = this.#scrutiny.judge(proposed, this.#standpoint)
    if (work === 'unknown') return
    this.#take(ballot)
    if ('because' in work) this.failed(ballot, work.because)
    else this.#start(ballot, work)
  }

  get #standpoint(): Standpoint {
    const ballot = this.#promised
    return { ballot, coordinator: this.coordinator(ballot), patient: this.#patient, accepted: this.#accepted }
  }

  get #isTaken(): boolean {
    return this.#taken === this.#promised
  }

  #take(ballot: number): void {
    this.#taken = ballot
    this.#promises.clear()
  }

  #accept(from: PeerId, ballot: number, { proposal: name, outcome }: Accepted): void {
    const accepted = { proposal: name, outcome }
    this.#accepts.add(ballot, from, accepted)
    this.#compare(ballot, name)
    const proposal = this.#proposals.get(ballot)?.proposal
    if (this.#accepts.count(ballot, accepted) < quorum(this.#init.view.members.length)) return
    if (proposal === undefined || this.#init.nameOf(proposal) !== name) return
    this.#decide({ ballot, proposal, outcome }, this.#accepts.holders(ballot, accepted))
  }

  /** When outcomes of this proposal divide the members, nobody waits for a time-out. */
  #compare(ballot: number, name: Digest): void {
    if (this.#dissent.divide(ballot, name)) this.#moveOn(ballot)
  }

  /**
   * Everybody who is here holds an outcome, or has promised with one, and they differ: only who is gone could decide between
   * them, and may come back before a time-out.
   */
  #noteTorn(): void {
    const ballot = this.#promised
    const here = this.#init.view.members.filter(this.#doubts.able)
    const proposed = this.#proposals.get(ballot)
    const held = proposed && this.#dissent.complete(ballot, this.#init.nameOf(proposed.proposal), here)
    const outcomes = held ?? this.#promises.undecidable(here)
    if (outcomes !== undefined) this.#dissent.tear(ballot, outcomes)
  }

  /** The coordinator after the one of a ballot that divided the members begins at once. */
  #moveOn(ballot: number): void {
    if (!this.#dissent.mayMoveOn(ballot) || ballot < this.#promised || !this.#init.votes) return
    if (this.#turns.successor(ballot, this.#doubts.able) === this.#init.self) this.#lead(ballot)
  }

  #decide({ ballot, proposal, outcome }: Decision, holders: readonly PeerId[]): void {
    this.#decided = true
    this.#init.effects.decide({ ballot, proposal, outcome }, holders)
  }

  #raise(ballot: number): void {
    this.#noteTorn()
    this.#promised = ballot
    this.#promises.clear()
    this.#leading = undefined
    this.#patient = true
    this.#stalls = 0
    this.#failures.clear()
    this.#init.effects.abandon()
  }

  /** The member whose turn it is after the coordinator of the highest ballot. */
  #successor(turn = 1): PeerId | undefined {
    return this.#turns.successor(this.#promised, this.#doubts.able, turn)
  }

  /** Phase 1 with the next ballot that is this peer's to lead. */
  #lead(after = this.#promised): void {
    const ballot = this.#turns.next(after, this.#init.self)
    this.#raise(ballot)
    this.#leading = ballot
    this.#init.effects.send({ kind: 'prepare', ballot })
    this.#promise(ballot)
    this.#propose()
  }

  /**
   * The ballot's coordinator tries again, without those that are to blame, when it failed itself or when too few are
   * left that may accept: one bad link is the trouble of one member, which learns what the others decide. Its successor
   * does when the coordinator is to blame.
   */
  #onFailed(from: PeerId, ballot: number, peers: readonly PeerId[]): void {
    if (ballot !== this.#promised || !this.#proposals.has(ballot)) return
    this.#failures.set(from, peers)
    this.#reconsider()
  }

  #reconsider(): void {
    const { members } = this.#init.view
    const coordinator = this.coordinator(this.#promised)
    const may = members.filter((peer) => !this.#failures.has(peer) && this.#doubts.able(peer))
    const hopeless = this.#failures.size > 0 && may.length < quorum(members.length)
    if (!this.#failures.has(coordinator) && !hopeless) return
    const blamed = [...this.#failures.values()].flat()
    for (const peer of blamed) this.#doubts.blame(peer)
    if (hopeless && coordinator === this.#init.self && blamed.includes(coordinator)) this.#init.effects.opposed()
    const next = blamed.includes(coordinator) ? this.#successor() : coordinator
    if (next === this.#init.self) this.#lead()
  }

  /** Phase 2, once this peer may: with what an earlier ballot may have decided, else with what is here. */
  #propose(): void {
    const { view, self, remembers } = this.#init
    // it may have proposed in that ballot before
    if (!remembers() && this.#promised === 0 && this.coordinator(0) === self && !this.#decided) return this.#lead()
    const ballot = this.#leading
    if (ballot === undefined || !this.#mayPropose) return
    const earlier = this.#scrutiny.earlier(ballot)
    if (earlier === 'unknown') return
    if (earlier !== undefined) {
      if (this.#scrutiny.waitsForPromises(this.#standpoint)) return
      const { proposal, outcome, holders } = earlier
      return this.#suggest(ballot, { proposal, outcome, holders: [...holders] })
    }

    const usable = view.members.filter(this.#doubts.usable)
    const contributions = this.#announced.of(usable)
    const waiting = contributions.length < usable.length
    const least = this.#init.minimum()
    const none = this.#hurried || least === 0
    if (!none && (contributions.length < least || (waiting && !this.#collected))) return
    // a round without contributions changes the view and nothing else
    const proposal: Proposal = none
      ? { ...this.#init.next([]), contributions: [], finish: false }
      : { contributions, ...this.#init.next(contributions) }
    // with what this peer knows now there is none
    if (!this.#init.valid(proposal)) return
    this.#suggest(ballot, { proposal, outcome: null, holders: [self] })
  }

  #suggest(ballot: number, work: Work): void {
    const { proposal, outcome } = work
    this.#init.effects.send({ kind: 'propose', ballot, proposal, outcome })
    this.#proposals.set(ballot, { proposal, outcome })
    this.#take(ballot)
    this.#start(ballot, work)
  }

  /** This peer leads a ballot, and has not proposed yet. */
  get #mayPropose(): boolean {
    return this.#leading !== undefined && !this.#decided && !this.#proposals.has(this.#leading)
  }

  #start(ballot: number, { proposal, outcome, holders }: Work): void {
    const { effects, self } = this.#init
    if (outcome === null) effects.attempt(ballot, proposal)
    else if (this.#scrutiny.holds(this.#accepted, proposal, outcome)) this.completed(ballot, outcome)
    else
      effects.adopt(
        ballot,
        { proposal, outcome },
        holders.filter((peer) => peer !== self)
      )
    // accepts may have come before the proposal did
    for (const [peer, held] of this.#accepts.of(ballot)) if (!this.#decided) this.#accept(peer, ballot, held)
  }
}

function sorted<K extends string | number, V>(entries: Iterable<readonly [K, V]>): (readonly [K, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}
