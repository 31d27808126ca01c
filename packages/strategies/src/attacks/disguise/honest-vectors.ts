import { PeergradError, type ContributionManifest, type Mesh, type PeerId, type RoundContext } from '@peergrad/core'
import { ManifestBoard } from './manifest-board.js'

/** Contributions of the honest peers of a round, in the own store. */
export interface Honest {
  readonly keys: readonly string[]
  readonly manifests: readonly ContributionManifest[]
}

export const NOBODY: Honest = { keys: [], manifests: [] }

/** Reads what the honest peers give, as any member may, before the own contribution is made: an adversary that hurries. */
export class HonestVectors {
  readonly #board = new ManifestBoard()

  listen(mesh: Mesh): void {
    this.#board.read(mesh)
  }

  /** Of those members, in their order, that announce something within `patience` milliseconds; whole, if in so many parts. */
  async read(
    round: RoundContext,
    { members, patience, parts }: { members: readonly PeerId[]; patience: number; parts: number }
  ): Promise<Honest> {
    let manifests = await this.#board.collect(round, members, patience)
    for (;;) {
      try {
        return { manifests, keys: await wholeOf(round, manifests, parts) }
      } catch (thrown) {
        const { peers = [] } = PeergradError.from(thrown).data as { peers?: readonly PeerId[] }
        if (round.signal.aborted || peers.length === 0) throw thrown
        manifests = manifests.filter(({ peer }) => !peers.includes(peer))
      }
    }
  }
}

/** Keys of whole contributions, put together where they were announced in parts. */
async function wholeOf(
  round: RoundContext,
  manifests: readonly ContributionManifest[],
  parts: number
): Promise<readonly string[]> {
  if (parts === 1) return round.fetch(manifests)
  const columns: string[][] = []
  for (let index = 0; index < parts; index++) columns.push(await round.fetch(manifests, { index, of: parts }))
  return Promise.all(
    manifests.map(async ({ peer }, row) => {
      const to = round.key(`whole:${peer}`)
      await round.store.join({ from: columns.map((column) => column[row]), to })
      return to
    })
  )
}
