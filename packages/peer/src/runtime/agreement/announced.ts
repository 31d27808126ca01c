import type { ContributionManifest, PeerId } from '@peergrad/core'

/** What members say that they give. The first manifest of a peer counts; others of it are not looked at. */
export class Announced {
  readonly #manifests = new Map<PeerId, ContributionManifest>()

  add(manifest: ContributionManifest): void {
    if (!this.#manifests.has(manifest.peer)) this.#manifests.set(manifest.peer, manifest)
  }

  /** The manifests of these peers that are here, in the order of the peers. */
  of(peers: readonly PeerId[]): ContributionManifest[] {
    return peers.flatMap((peer) => this.#manifests.get(peer) ?? [])
  }

  /** Whether the peer told somebody another thing than it told this one. */
  contradicts({ peer, digest, samples }: ContributionManifest): boolean {
    const held = this.#manifests.get(peer)
    return held !== undefined && (held.digest !== digest || held.samples !== samples)
  }

  get entries(): readonly (readonly [peer: PeerId, manifest: ContributionManifest])[] {
    return [...this.#manifests]
  }
}
