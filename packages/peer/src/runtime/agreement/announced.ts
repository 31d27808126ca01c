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

  /** Whether its owner said that here. */
  has(manifest: ContributionManifest): boolean {
    return this.#manifests.get(manifest.peer)?.some((said) => isSame(said, manifest)) ?? false
  }

  /** Whether the peer told somebody another thing than it told this one. */
  contradicts(manifest: ContributionManifest): boolean {
    return this.#manifests.has(manifest.peer) && !this.has(manifest)
  }

  get entries(): readonly (readonly [peer: PeerId, manifests: readonly ContributionManifest[]])[] {
    return [...this.#manifests]
  }
}

function isSame(a: ContributionManifest, b: ContributionManifest): boolean {
  const same: (keyof ContributionManifest)[] = ['digest', 'words', 'length', 'samples', 'loss']
  return same.every((field) => a[field] === b[field])
}
