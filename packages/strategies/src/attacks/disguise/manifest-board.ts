import { controlMessages, type ContributionManifest, type Mesh, type PeerId, type RoundContext } from '@peergrad/core'

/** Rounds that are remembered: what is announced early is of the next one. */
const ROUNDS = 4

/** What every peer announced first in each round, as all of them hear it. */
export class ManifestBoard {
  readonly #rounds = new Map<number, Map<PeerId, ContributionManifest>>()
  readonly #waiting = new Set<() => void>()

  read(mesh: Mesh): void {
    mesh.on('message', ({ from, payload }) => {
      const message = decoded(payload)
      if (message?.kind !== 'manifest') return
      const { kind: _kind, run: _run, ...manifest } = message
      const said = this.#of(message.round)
      if (!said.has(from)) said.set(from, { peer: from, ...manifest })
      for (const look of this.#waiting) look()
    })
  }

  /** In the order of `members`: those that come within `patience` milliseconds, or until the attempt is given up. */
  async collect(
    { round, clock, signal }: RoundContext,
    members: readonly PeerId[],
    patience: number
  ): Promise<ContributionManifest[]> {
    const said = this.#of(round)
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel()
        this.#waiting.delete(look)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const look = () => {
        if (members.every((member) => said.has(member))) end()
      }
      const cancel = clock.after(patience, end)
      this.#waiting.add(look)
      signal.addEventListener('abort', end)
      look()
    })
    return members.flatMap((member) => said.get(member) ?? [])
  }

  #of(round: number): Map<PeerId, ContributionManifest> {
    let said = this.#rounds.get(round)
    if (said === undefined) {
      this.#rounds.set(round, (said = new Map()))
      for (const old of this.#rounds.keys()) if (old < round - ROUNDS) this.#rounds.delete(old)
    }
    return said
  }
}

function decoded(payload: Uint8Array) {
  try {
    return controlMessages.decode(payload)
  } catch {
    // somebody else's lie
    return undefined
  }
}
