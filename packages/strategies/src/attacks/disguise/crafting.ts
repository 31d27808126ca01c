import {
  random,
  replace,
  type AttackContext,
  type CraftInput,
  type Digest,
  type Disguise,
  type Floats,
  type GradientAttack,
  type Lease,
  type PeerId,
  type RoundContext,
  type RunManifest,
  type Strategy
} from '@peergrad/core'
import { AsCrafted } from './as-crafted.js'
import { defenceOf, reachOf, type DefenceInit } from './defence.js'
import { HonestVectors, NOBODY, type Honest } from './honest-vectors.js'
import { playsIn } from './moment.js'
import { Reach } from './reach.js'

type Make = Parameters<RoundContext['contribute']>[0]
type Given = Awaited<ReturnType<Make>>
type Crafting = Pick<GradientAttack, 'craft' | 'knows'>

/** The worker momentum that this peer would have, among its own vectors. */
const MOMENTUM = 'honest-momentum'

/**
 * Gives a crafted vector in the place of the own one: an adversary that hurries. It computes as if it were honest where that
 * counts, waits for what the honest peers announce, at most half of the round's deadline, fetches that from them as any member
 * may, and only then gives its own. The trainable part is crafted; buffers stay honest.
 */
export function crafting(
  attack: Crafting,
  context: AttackContext
): Required<Pick<Disguise, 'mesh' | 'store' | 'strategy'>> {
  const honestVectors = new HonestVectors()
  const asCrafted = new AsCrafted()
  return {
    mesh(honest) {
      if (attack.knows.includes('honest')) honestVectors.listen(honest)
      return honest
    },
    store: (honest) => asCrafted.store(honest),
    strategy(honest, manifest) {
      const forger = new Forger({ attack, context, honestVectors, asCrafted, manifest, strategy: honest })
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

interface ForgerInit {
  readonly attack: Crafting
  readonly context: AttackContext
  readonly honestVectors: HonestVectors
  readonly asCrafted: AsCrafted
  readonly manifest: RunManifest
  /** of the honest half */
  readonly strategy: Strategy
}

class Forger {
  readonly #init: ForgerInit
  readonly #hostile: ReadonlySet<PeerId>
  readonly #reach: Promise<Reach | undefined>
  #last: { readonly lease: Lease; readonly digest: Digest | undefined } | undefined

  constructor(init: ForgerInit) {
    const { attack, context, manifest } = init
    this.#init = init
    this.#hostile = new Set([context.self, ...context.accomplices])
    this.#reach = attack.knows.includes('defence') ? Reach.of(manifest) : Promise.resolve(undefined)
    // said where it is awaited
    this.#reach.catch(() => undefined)
  }

  disguised(round: RoundContext): RoundContext {
    return replace(round, {
      contribute: (make, parts = 1) => round.contribute(() => this.#forge(round, make, parts), parts)
    })
  }

  /** What the round made, for as long as the next one takes. */
  async remember({ store }: RoundContext, key: string): Promise<void> {
    if (!this.#init.attack.knows.includes('last')) return
    // names what accomplices of one process share
    const digest = this.#init.context.once === undefined ? undefined : await store.digest(key)
    const lease = await store.get(key)
    this.#last?.lease.release()
    this.#last = { lease, digest }
  }

  async #forge(round: RoundContext, make: Make, parts: number): Promise<Given> {
    const { attack, asCrafted, manifest } = this.#init
    const { store } = round
    const learns = attack.knows.includes('honest')
    const computed = learns && !this.#needsOwn(round) ? undefined : await make()
    const honest = learns ? await this.#honest(round, parts) : NOBODY
    // with nobody to learn from it stays honest
    if (learns && honest.keys.length === 0) return computed ?? make()
    const given = computed ?? like(honest, round)
    const own = await this.#own(round, given)
    const leases: Lease[] = []
    const taken = (lease: Lease) => (leases.push(lease), lease)
    try {
      const base = taken(await store.get(given.key))
      const mine = taken(await store.get(own))
      const out = taken(store.lease(base.vector.length))
      const { parameters } = round.engine.layout
      out.vector.set(base.vector.subarray(parameters), parameters)
      out.vector.set(await this.#crafted(round, { honest, given, own: this.#trainable(round, mine) }))
      const key = round.key('crafted')
      await store.put(key, out)
      if (manifest.workerMomentum > 0) asCrafted.give(key)
      return { ...given, key }
    } finally {
      // what was put is not a lease any more
      for (const lease of leases) lease.release()
    }
  }

  /** Buffers are of the own gradient. */
  #needsOwn({ engine }: RoundContext): boolean {
    return this.#init.attack.knows.includes('own') || engine.layout.buffers > 0
  }

  /** The trainable part. What needs nothing of this peer alone is the same at all accomplices. */
  async #crafted(
    round: RoundContext,
    { honest, given, own }: { honest: Honest; given: Given; own: Floats }
  ): Promise<Floats> {
    const { attack, context } = this.#init
    const hostile = round.view.members.filter((member) => this.#hostile.has(member))
    const craft = async () => {
      const rows: Lease[] = []
      try {
        for (const key of honest.keys) rows.push(await round.store.get(key))
        const vectors = rows.map((row) => this.#trainable(round, row))
        const out = new Float32Array(own)
        await attack.craft({
          own,
          honest: vectors,
          ...this.#victim(round, honest, vectors),
          ...(this.#last && { last: this.#trainable(round, this.#last.lease) }),
          out,
          random: random(this.#init.manifest.seed, 'attack', round.round),
          round: round.round,
          n: round.view.members.length,
          f: hostile.length,
          ...(await this.#defence(vectors, { round, honest, hostile, own: given }))
        })
        return out
      } finally {
        for (const row of rows) row.release()
      }
    }
    const alone = attack.knows.includes('own') || attack.knows.includes('topology')
    if (context.once === undefined || alone) return craft()
    const digests = honest.manifests.map(({ digest }) => digest)
    const { members } = round.view
    return context.once(JSON.stringify([round.round, members, hostile, digests, this.#last?.digest]), craft)
  }

  async #defence(rows: readonly Floats[], init: DefenceInit): Promise<Pick<CraftInput, 'defence' | 'reach'>> {
    if (!this.#init.attack.knows.includes('defence')) return {}
    const reach = await this.#reach
    const takes = reach?.takes(rows.length + init.hostile.length) === true
    return { defence: defenceOf(init), ...(takes && { reach: reachOf(reach, rows, init) }) }
  }

  /** The first of the honest peers that read what this one gives. */
  #victim({ view, self }: RoundContext, { manifests }: Honest, vectors: readonly Floats[]): Pick<CraftInput, 'victim'> {
    const { attack, strategy } = this.#init
    if (!attack.knows.includes('topology') || strategy.neighbours === undefined) return {}
    const next = strategy.neighbours(view.members.length)
    const given = (rank: number) => vectors[manifests.findIndex(({ peer }) => peer === view.members[rank])]
    const known = (ranks: readonly number[]) => ranks.filter((rank) => given(rank) !== undefined)
    const [victim] = known(next[view.members.indexOf(self)])
    if (victim === undefined) return {}
    const neighbours = known(next[victim]).map(given)
    if (neighbours.length === 0) return {}
    const hostile = next[victim].filter((rank) => this.#hostile.has(view.members[rank])).length
    return { victim: { vector: given(victim), neighbours, hostile } }
  }

  /** Key of what this peer would give: with worker momentum its own, which goes on beside what is crafted. */
  async #own(round: RoundContext, { key }: Given): Promise<string> {
    const beta = this.#init.manifest.workerMomentum
    if (beta === 0 || !this.#init.attack.knows.includes('own')) return key
    const before = round.own(MOMENTUM)
    const history = before === undefined ? [] : [{ key: before, factor: beta }]
    const to = round.key('as-honest')
    await round.store.combine({ terms: [...history, { key, factor: 1 - beta }], to })
    await round.keep(MOMENTUM, to)
    return to
  }

  #honest(round: RoundContext, parts: number): Promise<Honest> {
    const { honestVectors, manifest } = this.#init
    const members = round.view.members.filter((member) => !this.#hostile.has(member))
    return honestVectors.read(round, { members, patience: manifest.deadline / 2, parts })
  }

  #trainable({ engine }: RoundContext, { vector }: Lease): Floats {
    return vector.subarray(0, engine.layout.parameters)
  }
}

/** What an honest peer would say of a gradient that nobody computes, and the vector of one of them. */
function like({ keys: [key], manifests }: Honest, { minibatches }: RoundContext): Given {
  return {
    key,
    samples: minibatches.reduce((sum, { samples }) => sum + samples.length, 0),
    loss: manifests.reduce((sum, { loss }) => sum + loss, 0) / manifests.length
  }
}
