import {
  canonical,
  controlAnswers,
  controlRequests,
  firstDifference,
  PeergradError,
  type Clock,
  type ControlAnswer,
  type ControlRequest,
  type Lineage,
  type Mesh,
  type MeshRequest,
  type PeerId,
  type RunManifest,
  type StateName
} from '@peergrad/core'
import { precedes, sameLineage } from './lineage.js'

const JOIN_DEADLINE = 10_000

/** A request made further away from now than this looks replayed, in milliseconds: two clocks may be wrong by an hour each. */
const CLOCK_TOLERANCE = 3 * 3_600_000

/** Requests that are remembered, so that none is taken twice. */
const NONCES = 10_000

export interface AcquaintanceInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** manifest of the run, or undefined to take it from the first peer that has one */
  readonly manifest: RunManifest | undefined
  /** the founding that this peer takes part in, or undefined to take it from the first peer that knows one */
  readonly lineage: Lineage | undefined
  /** the checkpoint that this peer comes back with */
  readonly resumed: StateName | undefined
}

type Join = Extract<ControlRequest, { kind: 'join' }>
type Welcome = Extract<ControlAnswer, { kind: 'welcome' }>

/**
 * The handshake between two peers that are connected: each shows its run manifest, signed, with a nonce and the time
 * so that it cannot be replayed, and the founding that it takes part in. A peer of another run is refused with the
 * first field that differs; of two foundings of one run, one side takes up the other's.
 */
export class Acquaintance {
  readonly #mesh: Mesh
  readonly #clock: Clock
  readonly #resumed: StateName | undefined
  /** peers of this founding that are ready to train, with the checkpoint that they come back with */
  readonly #ready = new Map<PeerId, StateName | null>()
  readonly #nonces = new Set<string>()
  #manifest: RunManifest | undefined
  #lineage: Lineage | undefined

  /** whether this peer is ready to train, and whether it trains */
  state: 'preparing' | 'ready' | 'running' = 'preparing'
  /** true for a peer that is about to be told that the run begins with it */
  expects: (peer: PeerId) => boolean = () => false
  /** called once for each peer of this founding that is ready to train */
  onReady: (peer: PeerId) => void = () => {}
  /** called when this peer takes up another founding of its run, which trains already or not */
  onMerge: (running: boolean) => void = () => {}

  constructor(init: AcquaintanceInit) {
    this.#mesh = init.mesh
    this.#clock = init.clock
    this.#manifest = init.manifest
    this.#lineage = init.lineage
    this.#resumed = init.resumed
  }

  get manifest(): RunManifest | undefined {
    return this.#manifest
  }

  get lineage(): Lineage | undefined {
    return this.#lineage
  }

  /** Peers of this founding that are ready to train, in the order in which they said so. */
  get ready(): readonly PeerId[] {
    return [...this.#ready.keys()]
  }

  isReady(peer: PeerId): boolean {
    return this.#ready.has(peer)
  }

  /** The checkpoint that a ready peer comes back with. */
  resumedBy(peer: PeerId): StateName | null {
    return this.#ready.get(peer) ?? null
  }

  /** The peer is gone; it must greet again when it comes back. */
  forget(peer: PeerId): void {
    this.#ready.delete(peer)
  }

  /**
   * Greets a connected peer. While this peer prepares it only asks what the run is. True when the other one trains
   * already. Errors: `refused` with the field that differs, `timeout`, `unreachable`.
   */
  async greet(peer: PeerId, signal?: AbortSignal): Promise<boolean> {
    const request = controlRequests.encode({
      kind: 'join',
      manifest: this.state === 'preparing' ? null : (this.#manifest ?? null),
      lineage: this.#lineage ?? null,
      running: this.state === 'running',
      resumed: this.#resumed ?? null,
      nonce: crypto.randomUUID(),
      time: this.#clock.wall()
    })
    const answer = controlAnswers.decode(await this.#mesh.request(peer, request, { deadline: JOIN_DEADLINE, signal }))
    if (answer.kind !== 'welcome') throw new PeergradError('corrupt', `join: got ${answer.kind}, expected welcome`)
    if (this.#manifest === undefined) this.#manifest = answer.manifest
    else this.#compare(answer.manifest)
    const ofThisFounding = this.#meet(answer)
    if (answer.ready && ofThisFounding) this.#add(peer, answer.resumed)
    return answer.running && ofThisFounding
  }

  /** Answers a join request. Returns why it was refused, if it was. */
  answer(request: MeshRequest, message: Join): PeergradError | undefined {
    try {
      if (this.#manifest === undefined || this.#lineage === undefined) {
        throw new PeergradError('refused', 'join: this peer does not know its run yet; ask another one')
      }
      if (Math.abs(this.#clock.wall() - message.time) > CLOCK_TOLERANCE || this.#nonces.has(message.nonce)) {
        throw new PeergradError(
          'refused',
          'join: got a request made at another time, expected a fresh one; check the clocks'
        )
      }
      this.#remember(message.nonce)
      if (message.manifest !== null) this.#compare(message.manifest)
      request.respond(controlAnswers.encode(this.#welcome(request.from)))
      if (message.manifest === null) return undefined
      // one that still trains for another founding comes again when it has taken up this one
      if (message.lineage === null || this.#meet({ lineage: message.lineage, running: message.running })) {
        this.#add(request.from, message.resumed)
      }
      return undefined
    } catch (error) {
      const refusal = PeergradError.from(error)
      request.refuse(refusal)
      return refusal
    }
  }

  #welcome(to: PeerId): Welcome {
    return {
      kind: 'welcome',
      manifest: this.#manifest as RunManifest,
      lineage: this.#lineage as Lineage,
      running: this.state === 'running' && !this.expects(to),
      ready: this.state !== 'preparing',
      resumed: this.#resumed ?? null
    }
  }

  /** True when the other one is of this founding, also when this peer takes up the other's. */
  #meet(theirs: { readonly lineage: Lineage; readonly running: boolean }): boolean {
    const ours = this.#lineage
    if (ours !== undefined && sameLineage(ours, theirs.lineage)) return true
    if (ours !== undefined && !precedes(theirs, { lineage: ours, running: this.state === 'running' })) return false
    this.#lineage = theirs.lineage
    if (ours === undefined) return true
    this.#ready.clear()
    this.onMerge(theirs.running)
    return true
  }

  /** Bounded: when there are too many the oldest is forgotten, which by then the time of its request may rule out. */
  #remember(nonce: string): void {
    this.#nonces.add(nonce)
    if (this.#nonces.size <= NONCES) return
    for (const oldest of this.#nonces) {
      this.#nonces.delete(oldest)
      return
    }
  }

  #compare(theirs: RunManifest): void {
    const ours = this.#manifest
    if (ours === undefined || canonical(ours) === canonical(theirs)) return
    const difference = firstDifference(ours, theirs)
    throw new PeergradError(
      'refused',
      `the runs differ at "${difference?.field}": got ${canonical(difference?.there)}, expected ${canonical(difference?.here)}; ` +
        'start the peer with the same run file, or with --join alone to take the run as it is',
      { field: difference?.field }
    )
  }

  #add(peer: PeerId, resumed: StateName | null): void {
    const known = this.#ready.has(peer)
    this.#ready.set(peer, resumed)
    if (!known) this.onReady(peer)
  }
}
