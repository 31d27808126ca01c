import type { ContributionManifest, PeerId } from '@peergrad/core'

/** What members say that they give. When one died and came back, what was heard last counts. */
export class Announced {
  readonly #manifests = new Map<PeerId, readonly ContributionManifest[]>()

  add(manifest: ContributionManifest): void {
    const held = this.#manifests.get(manifest.peer) ?? []
    if (!held.some((said) => isSame(said, manifest))) this.#manifests.set(manifest.peer, [...held, manifest])
  }

  /** The manifests of these peers that are here, in the order of the peers. */
  of(peers: readonly PeerId[]): ContributionManifest[] {
    return peers.flatMap((peer) => this.#manifests.get(peer)?.at(-1) ?? [])
  }

  /** Whether the peer told somebody another thing than it told this one. */
  contradicts(manifest: ContributionManifest): boolean {
    const held = this.#manifests.get(manifest.peer)
    return held !== undefined && !held.some((said) => isSame(said, manifest))
  }

  get entries(): readonly (readonly [peer: PeerId, manifests: readonly ContributionManifest[]])[] {
    return [...this.#manifests]
  }
}

function isSame(a: ContributionManifest, b: ContributionManifest): boolean {
  return a.digest === b.digest && a.samples === b.samples
}
