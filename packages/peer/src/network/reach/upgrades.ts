import type { Connection } from '@libp2p/interface'
import { PeergradError, type PeerId } from '@peergrad/core'
import type { NetworkNode } from '../node.js'
import { dialDirectly } from './direct.js'
import { abortConnection } from '../abort-connection.js'

/** Milliseconds before each try to do without the relay; then it is left alone until it connects anew. */
const PAUSES = [0, 10_000, 60_000, 600_000]

export interface UpgradesInit {
  readonly node: NetworkNode
  /** protocols whose streams end by themselves: a connection that carries one is not closed yet */
  readonly passing: readonly string[]
  /** Both ends dial at once. Rejects when they did not meet. */
  readonly punch: (relayed: Connection) => Promise<void>
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

interface Trial {
  readonly connection: string
  tries: number
  next: number
  dialling: boolean
}

/**
 * From a relayed connection to a direct one: each side dials what the other announces, public or private, for one of
 * the two can often be dialled; and when neither can, both dial at once. When that succeeds, the relayed one is closed as
 * soon as nothing passes on it.
 */
export class Upgrades {
  readonly #init: UpgradesInit
  readonly #trials = new Map<PeerId, Trial>()

  constructor(init: UpgradesInit) {
    this.#init = init
    init.node.addEventListener('connection:close', ({ detail }) => {
      // after its streams said that they are closed
      setImmediate(() => this.#moveGossip(detail))
    })
  }

  look(now: number): void {
    const open = this.#init.node.getConnections().filter(({ status }) => status === 'open')
    const relayed = open.filter(({ direct }) => !direct)
    const peers = new Set(relayed.map(({ remotePeer }) => remotePeer.toString()))
    for (const peer of this.#trials.keys()) if (!peers.has(peer)) this.#trials.delete(peer)
    for (const connection of open) {
      const others = open.filter((other) => other !== connection && other.remotePeer.equals(connection.remotePeer))
      if (others.some((other) => this.#replaces(other, connection))) this.#close(connection)
      else if (!connection.direct) this.#try(connection, now)
    }
  }

  /** A direct one replaces a relayed one; of two direct ones, that crossed, both sides keep what the smaller id dialled. */
  #replaces(other: Connection, connection: Connection): boolean {
    if (other.direct !== connection.direct) return other.direct
    const smaller = this.#init.node.peerId.toString() < connection.remotePeer.toString() ? 'outbound' : 'inbound'
    return other.direct && other.direction === smaller && connection.direction !== smaller
  }

  #try(connection: Connection, now: number): void {
    const peer = connection.remotePeer.toString()
    let trial = this.#trials.get(peer)
    if (trial?.connection !== connection.id) {
      trial = { connection: connection.id, tries: 0, next: now + (PAUSES[0] ?? 0), dialling: false }
      this.#trials.set(peer, trial)
      this.#init.log({ peer }, 'connected through a relay')
    }
    if (trial.dialling || now < trial.next) return
    trial.next = now + (PAUSES[++trial.tries] ?? Infinity)
    void this.#dial(connection, trial)
  }

  async #dial(relayed: Connection, trial: Trial): Promise<void> {
    const { node, punch, log } = this.#init
    const peer = relayed.remotePeer.toString()
    trial.dialling = true
    try {
      if (await dialDirectly(node, relayed.remotePeer)) log({ peer }, 'direct connection in the place of a relayed one')
      else if (node.peerId.toString() < peer) {
        await punch(relayed)
        log({ peer }, 'direct connection through both routers')
      }
    } catch (thrown) {
      log({ peer, tries: trial.tries, error: PeergradError.from(thrown).message }, 'no direct connection')
    } finally {
      trial.dialling = false
    }
  }

  #close(connection: Connection): void {
    const busy = connection.streams.some(({ protocol }) => this.#init.passing.includes(protocol))
    if (!busy) connection.close().catch((thrown: unknown) => abortConnection(connection, PeergradError.from(thrown)))
  }

  /** gossipsub opens its stream when a peer connects; of a second connection to the same peer it takes no notice. */
  #moveGossip(closed: Connection): void {
    const { node } = this.#init
    const { pubsub, internals } = node.services
    const left = node.getConnections(closed.remotePeer).find(({ status }) => status === 'open')
    if (left === undefined) return
    for (const protocol of pubsub.protocols) {
      for (const topology of internals.registrar.getTopologies(protocol)) {
        void topology.onConnect?.(closed.remotePeer, left)
      }
    }
  }
}
