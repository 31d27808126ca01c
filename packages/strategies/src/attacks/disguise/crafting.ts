import {
  PeergradError,
  random,
  replace,
  type AttackContext,
  type ContributionManifest,
  type Disguise,
  type Floats,
  type GradientAttack,
  type Lease,
  type PeerId,
  type RoundContext,
  type RunManifest
} from '@peergrad/core'
import { ManifestBoard } from './manifest-board.js'
import { playsIn } from './moment.js'

type Given = Awaited<ReturnType<Parameters<RoundContext['contribute']>[0]>>

/** Contributions of the honest peers of a round, in the own store. */
interface Honest {
  readonly keys: readonly string[]
  readonly manifests: readonly ContributionManifest[]
}

const NOBODY: Honest = { keys: [], manifests: [] }

/**
 * Gives a crafted vector in the place of the own one: an adversary that hurries. It computes as if it were honest, waits
 * for what the honest peers announce, at most half of the round's deadline, fetches that from them as any member may, and
 * only then gives its own. The trainable part is crafted; buffers stay honest.
 */
export function crafting(attack: Pick<GradientAttack, 'craft' | 'knows'>, context: AttackContext): Disguise {
  const board = new ManifestBoard()
  return {
    mesh(honest) {
      if (attack.knows.includes('honest')) board.read(honest)
      return honest
    },
    strategy(honest, manifest) {
      const forger = new Forger(attack, context, board, manifest)
      return replace(honest, {
        async round(round) {
          const key = await honest.round(playsIn(context.schedule, round.round) ? forger.disguised(round) : round)
          await forger.remember(round, key)
          return key
        }
      })
    }
  }
}

class Forger {
  readonly #attack: Pick<GradientAttack, 'craft' | 'knows'>
  readonly #hostile: ReadonlySet<PeerId>
  readonly #board: ManifestBoard
  readonly #manifest: RunManifest
  #last: Lease | undefined

  constructor(
    attack: Pick<GradientAttack, 'craft' | 'knows'>,
    { self, accomplices }: AttackContext,
    board: ManifestBoard,
    manifest: RunManifest
  ) {
    this.#attack = attack
    this.#hostile = new Set([self, ...accomplices])
    this.#board = board
    this.#manifest = manifest
  }

  disguised(round: RoundContext): RoundContext {
    return replace(round, {
      contribute: (make, parts = 1) => round.contribute(async () => this.#forge(round, await make(), parts), parts)
    })
  }

  /** What the round made, for as long as the next one takes. */
  async remember({ store }: RoundContext, key: string): Promise<void> {
    const lease = await store.get(key)
    this.#last?.release()
    this.#last = lease
  }

  async #forge(round: RoundContext, given: Given, parts: number): Promise<Given> {
    const { store, engine, view } = round
    const { knows } = this.#attack
    const honest = knows.includes('honest') ? await this.#honest(round, parts) : NOBODY
    // with nobody to learn from it stays honest
    if (knows.includes('honest') && honest.keys.length === 0) return given
    const own = await store.get(given.key)
    const rows: Lease[] = []
    const out = store.lease(own.vector.length)
    const trainable = ({ vector }: Lease): Floats => vector.subarray(0, engine.layout.parameters)
    try {
      for (const key of honest.keys) rows.push(await store.get(key))
      out.vector.set(own.vector)
      await this.#attack.craft({
        own: trainable(own),
        honest: rows.map(trainable),
        ...(this.#last && { last: trainable(this.#last) }),
        out: trainable(out),
        random: random(this.#manifest.seed, 'attack', round.round),
        round: round.round,
        n: view.members.length,
        f: this.#hostileOf(round).length,
        ...(knows.includes('defence') && { defence: this.#defence(round, given, honest) })
      })
      const key = round.key('crafted')
      await store.put(key, out)
      return { ...given, key }
    } catch (error) {
      out.release()
      throw error
    } finally {
      for (const lease of [own, ...rows]) lease.release()
    }
  }

  async #honest(round: RoundContext, parts: number): Promise<Honest> {
    const members = round.view.members.filter((member) => !this.#hostile.has(member))
    let manifests = await this.#board.collect(round, members, this.#manifest.deadline / 2)
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

  /** The run's own rule where it always runs, over the honest contributions and a copy of the candidate for each of us. */
  #defence(round: RoundContext, { key: own, samples, loss }: Given, honest: Honest) {
    const { store, engine } = round
    const { parameters } = engine.layout
    let candidates = 0
    return async (candidate: Floats): Promise<Floats> => {
      const name = `candidate:${candidates++}`
      const copies = this.#hostileOf(round).map((peer) => ({ peer, key: round.key(`${name}:${peer}`) }))
      const to = round.key(`${name}:result`)
      const buffers = await store.get(own)
      const lease = store.lease(buffers.vector.length)
      lease.vector.set(buffers.vector)
      lease.vector.set(candidate)
      buffers.release()
      const { length } = lease.vector
      const [first, ...others] = copies
      await store.put(first.key, lease)
      for (const { key } of others) await store.put(key, await store.get(first.key))
      const ours = copies.map(({ peer }): ContributionManifest => {
        return { peer, round: round.round, digest: '', words: length, length, samples, loss }
      })
      const keys = copies.map(({ key }) => key)
      await round.aggregate([...honest.keys, ...keys], [...honest.manifests, ...ours], to)
      const result = await store.get(to)
      const copy = result.vector.slice(0, parameters)
      result.release()
      await store.delete([...keys, to])
      return copy
    }
  }

  #hostileOf({ view }: RoundContext): PeerId[] {
    return view.members.filter((member) => this.#hostile.has(member))
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
