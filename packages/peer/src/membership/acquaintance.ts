import {
  canonical,
  controlAnswers,
  controlRequests,
  firstDifference,
  PeergradError,
  type Clock,
  type ControlRequest,
  type Mesh,
  type MeshRequest,
  type PeerId,
  type RunManifest
} from '@peergrad/core'

const JOIN_DEADLINE = 10_000

/** A request made further away from now than this looks replayed, in milliseconds. */
const CLOCK_TOLERANCE = 2 * 3_600_000

/** Requests that are remembered, so that none is taken twice. */
const NONCES = 10_000

export interface AcquaintanceInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** manifest of the run, or undefined to take it from the first peer that has one */
  readonly manifest: RunManifest | undefined
  /** this peer made the run */
  readonly founder: boolean
}

/**
 * The handshake between two peers that are connected: each shows its run manifest, signed, with a nonce and the time
 * so that it cannot be replayed. A peer of another run is refused with the first field that differs.
 */
export class Acquaintance {
  readonly #mesh: Mesh
  readonly #clock: Clock
  readonly #ready = new Set<PeerId>()
  readonly #nonces = new Set<string>()
  #manifest: RunManifest | undefined
  #founder: PeerId | undefined

  /** whether this peer is ready to train, and whether it trains */
  state: 'preparing' | 'ready' | 'running' = 'preparing'
  /** true for a peer that is about to be told that the run begins with it */
  expects: (peer: PeerId) => boolean = () => false
  /** called once for each peer of the run that is ready to train */
  onReady: (peer: PeerId) => void = () => {}

  constructor(init: AcquaintanceInit) {
    this.#mesh = init.mesh
    this.#clock = init.clock
    this.#manifest = init.manifest
    if (init.founder) this.#founder = init.mesh.self
  }

  get manifest(): RunManifest | undefined {
    return this.#manifest
  }

  get founder(): PeerId | undefined {
    return this.#founder
  }

  /** Peers of this run that are ready to train, in the order in which they said so. */
  get ready(): readonly PeerId[] {
    return [...this.#ready]
  }

  isReady(peer: PeerId): boolean {
    return this.#ready.has(peer)
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
      nonce: crypto.randomUUID(),
      time: this.#clock.wall()
    })
    const answer = controlAnswers.decode(await this.#mesh.request(peer, request, { deadline: JOIN_DEADLINE, signal }))
    if (answer.kind !== 'welcome') throw new PeergradError('corrupt', `join: got ${answer.kind}, expected welcome`)
    if (this.#manifest === undefined) this.#manifest = answer.manifest
    else this.#compare(answer.manifest)
    this.#founder ??= answer.founder
    if (answer.ready) this.#add(peer)
    return answer.running
  }

  /** Answers a join request. Returns why it was refused, if it was. */
  answer(request: MeshRequest, message: Extract<ControlRequest, { kind: 'join' }>): PeergradError | undefined {
    try {
      if (this.#manifest === undefined || this.#founder === undefined) {
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
      request.respond(
        controlAnswers.encode({
          kind: 'welcome',
          manifest: this.#manifest,
          founder: this.#founder,
          running: this.state === 'running' && !this.expects(request.from),
          ready: this.state !== 'preparing'
        })
      )
      if (message.manifest !== null) this.#add(request.from)
      return undefined
    } catch (error) {
      const refusal = PeergradError.from(error)
      request.refuse(refusal)
      return refusal
    }
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

  #add(peer: PeerId): void {
    if (this.#ready.has(peer)) return
    this.#ready.add(peer)
    this.onReady(peer)
  }
}
