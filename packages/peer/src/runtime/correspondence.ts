import {
  CONTROL_LIMIT,
  controlAnswers,
  type Beat,
  type ControlAnswer,
  type ControlMessage,
  type ControlRequest,
  type PeerId
} from '@peergrad/core'
import type { Decided } from './catcher.js'
import type { PeerParts } from './peer-parts.js'
import type { Presence } from './presence.js'
import type { Rounds } from './rounds.js'
import { donate } from './state-sync.js'

type Asked = Extract<ControlRequest, { kind: 'derived' }>

/** Rounds that a member which leaves may be behind. One that is further is missed by its silence. */
const PAST = 8
/** Bytes that msgpack puts before others, at most. */
const HEADER = 5

/** A decision with as many of its accepts as one answer has room for. */
function decidedAnswer(decided: Decided | undefined): ControlAnswer {
  if (decided === undefined) return { kind: 'decided', decision: null, accepts: [] }
  const answer = { kind: 'decided', decision: decided.decision, accepts: [] as Uint8Array[] } as const
  let room = CONTROL_LIMIT - controlAnswers.encode(answer).byteLength
  for (const accept of decided.accepts) {
    room -= accept.byteLength + HEADER
    if (room >= 0) answer.accepts.push(accept)
  }
  return answer
}

/** What the others say and ask, brought to the part that it concerns. */
export class Correspondence {
  readonly #parts: PeerParts
  readonly #presence: Presence
  readonly #rounds: Rounds
  #open = false

  constructor(parts: PeerParts, presence: Presence, rounds: Rounds) {
    this.#parts = parts
    this.#presence = presence
    this.#rounds = rounds
  }

  /** Listens to the others until what it returns is called. */
  open(): () => void {
    const { roster, exclusions, expelled, followers, init } = this.#parts
    const { swarm, emit } = init
    let before: readonly PeerId[] = []
    const off = [
      swarm.on('message', ({ from, message, envelope }) => this.#onMessage(from, message, envelope)),
      // an older founding of this run was found: what this half trained is given up for the state of that one
      swarm.on('merged', ({ lineage }) => {
        emit({ type: 'merged', founder: lineage.founder })
        this.#rounds.current?.overtaken()
      }),
      swarm.mesh.on('disconnect', ({ peer }) => {
        followers.remove(peer)
        this.#rounds.retired.delete(peer)
        if (!roster.isMember(peer)) this.#presence.forget(peer)
      }),
      swarm.mesh.on('expelled', ({ peer }) => {
        expelled.add(peer)
        this.#rounds.current?.lose(peer)
      }),
      roster.on('view', ({ number, members }) => {
        const here = new Set([...members, ...swarm.mesh.connected()])
        for (const peer of before) if (!here.has(peer)) this.#presence.forget(peer)
        before = members
        emit({ type: 'view', number, members })
      }),
      roster.on('suspect', ({ peer, reason }) => emit({ type: 'suspected', other: peer, reason })),
      roster.on('trust', ({ peer }) => emit({ type: 'trusted', other: peer })),
      roster.on('lost', ({ peer, reason }) => {
        emit({ type: 'lost', other: peer, reason })
        this.#rounds.current?.lose(peer)
      }),
      exclusions.on('excluded', ({ peer }) => this.#rounds.current?.exclude(peer)),
      roster.on('regained', ({ peer }) => this.#rounds.current?.regain(peer)),
      roster.on('hurried', () => this.#rounds.current?.hurry()),
      roster.on('paused', ({ reason }) => emit({ type: 'paused', reason })),
      roster.on('resumed', ({ reason }) => emit({ type: 'resumed', reason }))
    ]
    this.#open = true
    swarm.respond((from, request) => this.#respond(from, request))
    return () => {
      this.#open = false
      for (const remove of off) remove()
      swarm.respond(async () => undefined)
    }
  }

  onBeat(from: PeerId, beat: Beat): void {
    const { roster, followers, catcher } = this.#parts
    const current = this.#presence.heard(from, beat)
    if (beat.stateful) followers.reached(from, beat.round)
    const caughtUp = current && !this.#rounds.retired.has(from)
    roster.beat(from, { stateful: beat.stateful, caughtUp })
    if (caughtUp) this.#rounds.current?.retry()
    const { here, confirmed } = this.#presence
    if (here !== undefined && beat.round > here.round && roster.isMember(from)) catcher.ask(from)
    // what a majority said holds until somebody is in another state
    if (!confirmed || this.#presence.agrees(from) === false) this.#presence.compare()
  }

  #onMessage(from: PeerId, message: ControlMessage, envelope: Uint8Array): void {
    const { roster, exclusions, catcher } = this.#parts
    roster.heard(from)
    switch (message.kind) {
      case 'leave':
        // of rounds ago: somebody else says it again, and the peer has come back since
        if (message.round + PAST < (this.#presence.here?.round ?? 0)) return
        return roster.leaves(from)
      case 'suspicions':
        return roster.suspicions(from, message)
      case 'proof':
        return exclusions.told(from, message)
      default:
        if (roster.isMember(from) || !this.#presence.confirmed)
          catcher.receive(from, { message, envelope }, this.#presence.here?.round ?? 0)
    }
  }

  async #respond(
    from: PeerId,
    request: Exclude<ControlRequest, { kind: 'join' | 'watch' }>
  ): Promise<ControlAnswer | undefined> {
    if (request.kind === 'derived') return this.#derived(from, request)
    const { here, confirmed } = this.#presence
    if (here === undefined || !confirmed || this.#parts.standing.foreign) return undefined
    const { init, roster, catcher, vectors, optimiser, followers, exclusions } = this.#parts
    const { swarm, store } = init
    if (request.kind === 'decision' && request.round < here.round) {
      // the id of the run is told to anybody; of two that came by one right, the other one learns here who has it
      if (!roster.isMember(from) && !swarm.hasMet(from)) return undefined
      return decidedAnswer(catcher.decision(request.round))
    }
    if (request.kind !== 'donate') return undefined
    const objection = swarm.objection(from)
    if (objection !== undefined) throw objection
    if (!swarm.isReady(from) || !followers.admits(from)) return undefined
    const { donation, release } = await donate(vectors, store, optimiser, {
      round: here.round,
      hash: here.hash,
      step: here.step,
      lineage: swarm.lineage,
      view: { ...here.view, members: [...here.view.members] },
      position: here.data,
      evidence: exclusions.donated(),
      guests: swarm.guests
    })
    // the run may have ended meanwhile, and nobody would let go of it any more
    if (!this.#open) return void release()
    followers.add(from, here.round, release)
    return donation
  }

  #derived(from: PeerId, { round, ballot, labels }: Asked): ControlAnswer | undefined {
    const { current } = this.#rounds
    if (current?.round !== round || !this.#parts.roster.isMember(from)) return undefined
    return { kind: 'derived', vectors: current.published(ballot, labels) }
  }
}
