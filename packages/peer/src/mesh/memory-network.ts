import { Emitter, type Clock, type Mesh, type Offence, type PeerId } from '@peergrad/core'
import type { LinkConditions, LinkSelector } from './link-conditions.js'
import { MemoryFabric, type FabricInit } from './memory-fabric.js'
import { MemoryHost } from './memory-host.js'
import { MemoryMesh } from './memory-mesh.js'
import type { MemoryTransfer } from './memory-tensors.js'

export type MemoryNetworkInit = FabricInit

export interface MemoryNetworkEvents extends Record<string, unknown> {
  /** a holder begins to send, and half of it is on its way */
  begun: MemoryTransfer
  half: MemoryTransfer
}

/** The mesh of a simulated peer, with what it told on others. */
export type SimulatedMesh = Mesh & { readonly offences: readonly { peer: PeerId; offence: Offence }[] }

/**
 * A network inside one process: the same contract as the real one, with the clock in hand, links that can be made
 * worse and peers that can be killed or stopped. Messages are copied, vectors too, as a wire would. Everything that
 * happens by chance is of one seed.
 *
 * A connection whose link is blocked, or one end of which is stopped, closes for both ends when nothing came for
 * ten seconds; until then what streams carry waits. Peers that were connected dial each other again, and are
 * connected at most 0.75 s after they can be. Announcements reach whom they can over any peers that are connected.
 */
export class MemoryNetwork extends Emitter<MemoryNetworkEvents> {
  readonly #fabric: MemoryFabric
  readonly #meshes = new Map<PeerId, MemoryMesh>()

  constructor(init: MemoryNetworkInit) {
    super()
    this.#fabric = new MemoryFabric(init)
  }

  /** A new peer, connected to nobody; a new life of one that was killed. `clock` is its own, the network's if absent. */
  join(self: PeerId, { clock = this.#fabric.clock }: { clock?: Clock } = {}): SimulatedMesh {
    this.kill(self)
    const mesh = new MemoryMesh(new MemoryHost(self, clock), this.#fabric, (event, transfer) =>
      this.emit(event, transfer)
    )
    this.#meshes.set(self, mesh)
    this.#fabric.add(mesh)
    return mesh
  }

  /**
   * The peer stops at once, for good: what it sent last does not arrive, what it waits for never comes, and the others
   * see its connections close.
   */
  kill(peer: PeerId): void {
    const mesh = this.#meshes.get(peer)
    this.#meshes.delete(peer)
    if (mesh !== undefined) this.#fabric.end(mesh, 'killed')
  }

  /** The peer stands still, as after SIGSTOP. Stop its clock too. */
  stop(peer: PeerId): void {
    const mesh = this.#meshes.get(peer)
    if (mesh !== undefined) this.#fabric.stop(mesh.host)
  }

  /** A stopped peer goes on with all that came meanwhile. Let its clock go on before, as a process's timers do. */
  resume(peer: PeerId): void {
    const mesh = this.#meshes.get(peer)
    if (mesh !== undefined) this.#fabric.resume(mesh.host)
  }

  /** Makes the directed links that `where` names worse, on top of what holds already. Returns what ends it. */
  impose(conditions: Partial<LinkConditions>, where: LinkSelector): () => void {
    return this.#fabric.impose(conditions, where)
  }

  /** Cuts all links between peers of different groups; those in no group are a group. Returns what heals it. */
  partition(groups: readonly (readonly PeerId[])[]): () => void {
    const group = (peer: PeerId) => groups.findIndex((peers) => peers.includes(peer))
    return this.impose({ blocked: true }, (from, to) => group(from) !== group(to))
  }
}
