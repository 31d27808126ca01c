import { PeergradError } from '@peergrad/core'
import { Correspondence } from './correspondence.js'
import { Entry } from './entry.js'
import { linger } from './linger.js'
import type { PeerOutcome, PeerRuntimeInit, PeerSignals } from './peer-init.js'
import { makeParts, type PeerParts } from './peer-parts.js'
import { Presence } from './presence.js'
import { Rounds } from './rounds.js'
import type { Here } from './standing.js'

/** Milliseconds that a leaving peer gives the round in flight. */
const LEAVE = 1000

/** One peer's part in a run, from the first view to the end. */
export class PeerRuntime {
  readonly #parts: PeerParts
  readonly #presence: Presence
  readonly #entry: Entry
  readonly #rounds: Rounds
  readonly #correspondence: Correspondence
  /** ends the rounds, whatever is in flight */
  readonly #hurry = new AbortController()

  constructor(init: PeerRuntimeInit) {
    this.#parts = makeParts(init)
    this.#presence = new Presence(this.#parts, {
      differs: ({ round }) => this.#rounds.diverged(round - 1),
      onBeat: (peer, beat) => this.#correspondence.onBeat(peer, beat)
    })
    this.#entry = new Entry(this.#parts, this.#presence)
    this.#rounds = new Rounds(this.#parts, this.#presence, this.#entry)
    this.#correspondence = new Correspondence(this.#parts, this.#presence, this.#rounds)
  }

  /**
   * Takes part until the run ends, or until one of the signals aborts. Rejects with what makes this peer unable to go
   * on.
   */
  async run({ leave, stop, signal }: PeerSignals): Promise<PeerOutcome> {
    const { roster, exclusions, followers, vectors, lasting, estimates, init } = this.#parts
    const { swarm, clock, patience } = init
    const off = [
      this.#correspondence.open(),
      swarm.mesh.on('ended', ({ error }) => this.#hurry.abort(error)),
      exclusions.on('self', ({ error }) => this.#hurry.abort(error)),
      roster.on('stranded', ({ error }) => {
        this.#rounds.strand(error)
        this.#hurry.abort(error)
      })
    ]
    const onLeave = () => this.#onLeave()
    leave.addEventListener('abort', onLeave, { once: true })
    const ends = AbortSignal.any([leave, stop])
    const given = AbortSignal.any([signal, ends, this.#hurry.signal])
    try {
      const founding = await swarm.gather({ deadline: patience, signal: given })
      await this.#entry.begin(founding, given)
      const start = clock.now()
      const status = await this.#rounds.run(AbortSignal.any([signal, this.#hurry.signal, stop]), ends)
      const milliseconds = clock.now() - start
      await estimates.settled()
      if (status === 'finished') {
        await linger(this.#parts, this.#presence, given)
        this.#rounds.checkShared()
      }
      return this.#outcome(status, milliseconds)
    } finally {
      leave.removeEventListener('abort', onLeave)
      for (const remove of off) remove()
      this.#presence.close()
      roster.close()
      followers.close()
      lasting.drop()
      vectors.close()
    }
  }

  /** Tells the others and finishes the round in flight without this peer, but not for longer than LEAVE. */
  #onLeave(): void {
    const { roster, init } = this.#parts
    const { swarm, clock } = init
    const { here } = this.#presence
    roster.leave()
    if (here !== undefined) swarm.send({ kind: 'leave', run: swarm.scope, round: here.round })
    const alone = roster.view.members.length < 2
    clock.after(alone ? 0 : LEAVE, () => this.#hurry.abort(new PeergradError('aborted', 'this peer leaves the run')))
  }

  #outcome(status: PeerOutcome['status'], milliseconds: number): PeerOutcome {
    const { init, standing, model, own, journal } = this.#parts
    const { stranded, trainingLoss } = this.#rounds
    const { hash, view } = this.#presence.here as Here
    return {
      status,
      ...(stranded && { error: stranded }),
      rank: view.members.indexOf(init.swarm.mesh.self),
      rounds: journal.rounds,
      members: view.members,
      parametersHash: hash,
      position: standing.position(),
      state: model.key,
      own: own.extra,
      trainingLoss,
      milliseconds
    }
  }
}
