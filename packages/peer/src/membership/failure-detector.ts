import { Emitter, type Clock, type Mesh, type PeerId } from '@peergrad/core'
import { Arrivals } from './accrual.js'
import { BEAT, beatInterval } from './beat-interval.js'

export interface FailureDetectorInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** milliseconds that a peer may take to have its first state, when it begins together with this one */
  readonly begin: number
}

interface DetectorEvents extends Record<string, unknown> {
  suspect: { readonly peer: PeerId; readonly reason: string }
  trust: { readonly peer: PeerId }
}

/** Milliseconds that a busy machine may stand still without any doubt. */
const PAUSE = 500
/** φ at which a peer is suspected. */
const THRESHOLD = 8
const ARRIVALS = { interval: BEAT, jitter: 60 }
/** Milliseconds between two looks at everybody. */
const TICK = 100
/** A look that is so late, in milliseconds, says that this peer itself stood still. */
const STOOD_STILL = 400
/** After so long, in milliseconds, others may have suspected it, and closed their connections to it. */
const MISSED = 1000
/** Milliseconds that a closed connection may take to come back. */
const RECONNECT = 500
/** Milliseconds that a peer which is not there yet has to appear. */
const APPEAR = 5000
/** Milliseconds in which a peer that stood still has to be connected again: as long as a dial on a busy machine may take. */
const DAZED = 10_000

interface Watched {
  readonly arrivals: Arrivals
  suspected: boolean
  /** said that it goes: nothing that it still sends makes it stay */
  left: boolean
  /** has no model state: as good as gone, until it has one */
  stateless: boolean
  /** until when it may be without a state, for it has had none yet */
  begins: number
  /** when its connection closed */
  closed: number | undefined
  /** until when that says nothing: it closed when this peer had just stood still */
  forgiven: number
  /** until when its silence says nothing */
  excused: number
}

/**
 * Suspects peers whose connection stays closed or whose silence is doubtful (see Arrivals), and trusts them again when
 * they speak. The doubt follows each link: how regularly beats came on it, and its round trip. A suspicion is an
 * opinion of this peer; what follows from it is the roster's.
 */
export class FailureDetector extends Emitter<DetectorEvents> {
  readonly #init: FailureDetectorInit
  readonly #watched = new Map<PeerId, Watched>()
  readonly #off: (() => void)[]
  #cancelTick = () => {}
  #looked: number
  /** this peer stood still: what closes until then may have been closed for that, and has until then to come back */
  #dazed = 0

  constructor(init: FailureDetectorInit) {
    super()
    this.#init = init
    this.#looked = init.clock.now()
    this.#off = [
      init.mesh.on('connect', ({ peer }) => this.#connected(peer)),
      init.mesh.on('disconnect', ({ peer }) => {
        const watched = this.#watched.get(peer)
        if (watched === undefined) return
        watched.closed = init.clock.now()
        watched.forgiven = this.#dazed
      })
    ]
    this.#tick()
  }

  /** Starts to watch a peer. One that is not connected has APPEAR to come. */
  watch(peer: PeerId): void {
    if (this.#watched.has(peer)) return
    const { clock, mesh } = this.#init
    const now = clock.now()
    this.#watched.set(peer, {
      arrivals: new Arrivals(ARRIVALS, now),
      suspected: false,
      left: false,
      stateless: false,
      begins: now + this.#init.begin,
      closed: undefined,
      forgiven: 0,
      excused: mesh.connected().includes(peer) ? now : now + APPEAR
    })
  }

  forget(peer: PeerId): void {
    this.#watched.delete(peer)
  }

  suspects(peer: PeerId): boolean {
    return this.#watched.get(peer)?.suspected ?? false
  }

  /** A beat, and whether its sender has a model state. */
  beat(peer: PeerId, stateful: boolean): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined || watched.left) return
    const now = this.#init.clock.now()
    watched.stateless = !stateful && now >= watched.begins
    watched.arrivals.beat(now)
    watched.excused = 0
    if (stateful) watched.begins = 0
    if (!watched.stateless) this.#trust(peer, watched)
    else this.#suspect(peer, watched, 'it came back without the state of the run')
  }

  /** Any other sign of life. */
  heard(peer: PeerId): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined || watched.left) return
    watched.arrivals.heard(this.#init.clock.now())
    if (!watched.stateless) this.#trust(peer, watched)
  }

  /** The peer said itself that it goes. */
  leaves(peer: PeerId): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined) return
    watched.left = true
    this.#suspect(peer, watched, 'it left')
  }

  close(): void {
    for (const off of this.#off) off()
    this.#cancelTick()
    this.#watched.clear()
  }

  #connected(peer: PeerId): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined) return
    watched.closed = undefined
    watched.arrivals.restart(this.#init.clock.now())
    // who was suspected has to say something first: it may be another process with the same key
    if (!watched.suspected) this.heard(peer)
  }

  #tick(): void {
    const { clock } = this.#init
    this.#look(clock.now())
    this.#cancelTick = clock.after(TICK, () => this.#tick())
  }

  #look(now: number): void {
    const before = this.#looked
    const late = now - before - TICK
    this.#looked = now
    if (late > MISSED) this.#dazed = now + DAZED
    if (late > STOOD_STILL) {
      for (const watched of this.#watched.values()) {
        watched.arrivals.shift(late)
        if ((watched.closed ?? -Infinity) >= before) watched.forgiven = this.#dazed
      }
    }
    const pause = Math.max(PAUSE, beatInterval(this.#watched.size))
    let roundTrips: ReadonlyMap<PeerId, number> | undefined
    const roundTrip = (peer: PeerId) => {
      const links = roundTrips === undefined ? this.#init.mesh.links() : []
      roundTrips ??= new Map(links.map((link) => [link.peer, link.roundTripMilliseconds ?? 0]))
      return roundTrips.get(peer) ?? 0
    }
    for (const [peer, watched] of this.#watched) {
      if (watched.suspected || now < watched.excused) continue
      if (watched.closed !== undefined && now < watched.forgiven) continue
      const silence = watched.arrivals.silence(now)
      // what others passed on may still come for a moment after the end
      if (watched.closed !== undefined && now - watched.closed >= RECONNECT && silence > RECONNECT / 2) {
        this.#suspect(peer, watched, 'its connection closed')
      } else if (silence > pause && watched.arrivals.level(now, { roundTrip: roundTrip(peer), pause }) >= THRESHOLD) {
        this.#suspect(peer, watched, `no sign of it for ${Math.round(silence)} ms`)
      }
    }
  }

  #suspect(peer: PeerId, watched: Watched, reason: string): void {
    if (watched.suspected) return
    watched.suspected = true
    this.emit('suspect', { peer, reason })
  }

  #trust(peer: PeerId, watched: Watched): void {
    if (!watched.suspected) return
    watched.suspected = false
    this.emit('trust', { peer })
  }
}
