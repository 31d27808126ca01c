import { layoutLength } from '@peergrad/core'
import type { Founding } from '../membership/gathering.js'
import type { PeerParts } from './peer-parts.js'
import type { Presence } from './presence.js'
import { takeState } from './state-sync.js'

/** How this peer comes into the state of the run: at its start, and again when it fell behind or holds another model. */
export class Entry {
  readonly #parts: PeerParts
  readonly #presence: Presence
  #life = randomLife()
  /** the round in which this peer took the state of a view that it is in */
  #returned: { readonly round: number; readonly until: number } | undefined

  constructor(parts: PeerParts, presence: Presence) {
    this.#parts = parts
    this.#presence = presence
  }

  /**
   * What this peer signs in one life does not contradict itself. Another one begins with its process, and when it takes the
   * state: from the one before, which may have been wrong, it may have said other things of the same rounds.
   */
  get life(): number {
    return this.#life
  }

  /** Makes the state that every peer starts from, or goes on from the checkpoint, or takes what the others are in. */
  async begin(founding: Founding | undefined, signal: AbortSignal): Promise<void> {
    const { model, standing, init } = this.#parts
    const { resume, swarm } = init
    // what is made or loaded here is of this founding, whatever comes meanwhile
    const { lineage } = swarm
    if (founding?.state === null) {
      await model.initialise(swarm.manifest.seed)
      const changes = [{ round: 0, members: [...founding.view.members] }]
      this.#presence.enter(founding.view, { plan: standing.plan({ epoch: 0, start: 0, changes }), lineage })
    } else if (resume !== undefined && founding?.state?.hash === resume.position.hash) {
      const { round, hash, step, view, data } = resume.position
      model.adopt({ round, step, hash })
      this.#presence.enter(view, { plan: standing.plan(data), lineage })
    } else await this.takeState(signal)
  }

  /** Takes the state of the run that the others train. */
  async takeState(signal: AbortSignal): Promise<void> {
    const { init, model, standing, own, lasting, vectors, optimiser, exclusions, catcher } = this.#parts
    const { engine, store, swarm, clock, patience, strategy, logger, emit } = init
    const start = clock.now()
    this.#presence.lose()
    this.#life = randomLife()
    lasting.drop()
    const { donors, donation, prepared } = await takeState({
      swarm,
      vectors,
      store,
      clock,
      optimiser,
      length: layoutLength(engine.layout),
      parameters: engine.layout.parameters,
      ownModels: strategy.ownModels === true,
      prepare: async ({ donation, donors }) => {
        const plan = standing.planOf(donation, donors)
        await model.clear()
        return plan
      },
      convinces: (proofs) => exclusions.convinces(proofs),
      distrusted: this.#presence.distrusted,
      witnesses: (donation) => this.#presence.witnesses(donation),
      onLie: (liars) => this.#presence.distrust(liars),
      patience,
      signal
    })
    await own.settle(false)
    await own.mend()
    catcher.forget()
    model.adopt(donation)
    const { view, lineage } = donation
    this.#presence.enter(view, { plan: prepared, lineage }, donors)
    // what it said in this round before, it does not know any more
    const { grace } = swarm.manifest
    if (view.members.includes(swarm.mesh.self)) this.#returned = { round: model.round, until: clock.now() + grace }
    const seconds = (clock.now() - start) / 1000
    logger.info({ round: model.round, donors, seconds }, 'took the state of the run')
    emit({ type: 'healed', round: model.round })
    this.#presence.compare()
  }

  /** Whether this peer knows all that it accepted in a round, or is taken to: after the grace the run goes on before all else. */
  remembers(round: number): boolean {
    return this.#returned?.round !== round || this.#parts.init.clock.now() >= this.#returned.until
  }

  /**
   * Until when this peer may not vote in a round; undefined when it may. One that takes the state of a view that it is in does
   * not know how it voted. In that round it follows, unless all others are here, who say what they accepted, or the grace is over;
   * then it votes as one that forgot.
   */
  followsUntil(round: number): number | undefined {
    const { roster, init } = this.#parts
    const returned = this.#returned
    if (returned === undefined || returned.round !== round || init.clock.now() >= returned.until) return undefined
    const { self } = init.swarm.mesh
    const absent = roster.view.members.some((peer) => peer !== self && roster.suspects(peer))
    return absent ? returned.until : undefined
  }
}

function randomLife(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]
}
