import type { Digest, StoreCapabilities, Verdict } from '@peergrad/core'
import type { MemoryPlace } from '../memory/memory-place.js'
import type {
  Named,
  Place,
  PlaceAggregation,
  PlaceFeedback,
  PlaceFilter,
  PlacePacking,
  PlaceUnpacking,
  PlaceUpdate,
  Tensor,
  Term
} from '../place.js'
import type { Slab } from '../slabs.js'
import { Results } from './results.js'
import type { SharedSlabs } from './shared-slabs.js'

/** A tensor of one store; its floats may be those of others too. */
export interface Shared extends Tensor {
  /** absent until the work that makes it is done */
  slab?: Slab
}

/**
 * One place for the stores of many peers in one process. What several of them hold alike lies there once, and what
 * follows from equal inputs (an aggregate, an update, a digest) is computed once, whoever asks: the result is the same
 * to the bit, since rules are pure and kernels strict.
 */
export class SharedPlace implements Place<Shared> {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities
  readonly slabs: SharedSlabs
  readonly #memory: MemoryPlace
  readonly #results: Results
  readonly #verdicts = new WeakMap<Slab, Promise<Verdict>>()
  readonly #digests = new WeakMap<Slab, Promise<Digest>>()

  constructor(memory: MemoryPlace, slabs: SharedSlabs) {
    this.capabilities = memory.capabilities
    this.slabs = slabs
    this.#memory = memory
    this.#results = new Results((slab) => slabs.release(slab))
  }

  allocate(length: number): Shared {
    return { length, references: 1 }
  }

  free({ slab }: Shared): void {
    if (slab !== undefined) this.slabs.release(slab)
  }

  async keep(slab: Slab): Promise<Shared> {
    return sharing(this.slabs.content(slab))
  }

  async load(tensor: Shared): Promise<Slab> {
    const slab = slabOf(tensor)
    this.slabs.retain(slab)
    this.slabs.lend(slab)
    return slab
  }

  async same(a: Shared, b: Shared): Promise<boolean> {
    return a.slab === b.slab || this.#memory.same(slabOf(a), slabOf(b))
  }

  average(from: readonly Shared[], to: Shared): Promise<void> {
    return this.#make([to], ([out]) => this.#memory.average(from.map(slabOf), out))
  }

  aggregate({ from, to, ...how }: PlaceAggregation<Shared>): Promise<void> {
    const slabs = from.map(({ tensor }) => slabOf(tensor))
    return this.#once('aggregate', how, slabs, [to], async ([out]) => {
      await this.#memory.aggregate({ from: from.map(named), to: out, ...how })
      for (const slab of [...slabs, out]) slab.finite = true
    })
  }

  update({ from, fromState, to, toState, gradient, ...how }: PlaceUpdate<Shared>): Promise<void> {
    const moments = fromState.map((each) => each && slabOf(each))
    const inputs = [slabOf(from), slabOf(gradient.tensor), ...moments]
    return this.#once('update', how, inputs, [to, ...toState], async ([out, ...outMoments]) => {
      await this.#memory.update({
        ...how,
        from: slabOf(from),
        fromState: moments,
        to: out,
        toState: outMoments,
        gradient: named(gradient)
      })
      for (const slab of [slabOf(gradient.tensor), out, ...outMoments]) slab.finite = true
    })
  }

  async filter({ from, held, state, ...how }: PlaceFilter<Shared>): Promise<{ to: Shared; rest: Shared }> {
    const made = await this.#memory.filter({
      ...how,
      from: named(from),
      held: held && named(held),
      state: slabOf(state)
    })
    return { to: sharing(made.to), rest: sharing(made.rest) }
  }

  async pack({ from, ...how }: PlacePacking<Shared>): Promise<Shared> {
    return sharing(await this.#memory.pack({ from: slabOf(from), ...how }))
  }

  unpack({ from, to, ...how }: PlaceUnpacking<Shared>): Promise<void> {
    const input = slabOf(from)
    return this.#once('unpack', { ...how, length: to.length }, [input], [to], ([out]) =>
      this.#memory.unpack({ from: input, to: out, ...how })
    )
  }

  slice(from: Shared, offset: number, to: Shared): Promise<void> {
    return this.#make([to], ([out]) => this.#memory.slice(slabOf(from), offset, out))
  }

  join(from: readonly Shared[], to: Shared): Promise<void> {
    return this.#make([to], ([out]) => this.#memory.join(from.map(slabOf), out))
  }

  combine(terms: readonly Term<Shared>[], to: Shared): Promise<void> {
    const slabs = terms.map(({ tensor, factor }) => ({ tensor: slabOf(tensor), factor }))
    return this.#make([to], ([out]) => this.#memory.combine(slabs, out))
  }

  feedback({ rest, sent, shared, to }: PlaceFeedback<Shared>): Promise<void> {
    const inputs = { rest: slabOf(rest), sent: slabOf(sent), shared: slabOf(shared) }
    return this.#make([to], ([out]) => this.#memory.feedback({ ...inputs, to: out }))
  }

  digest(tensor: Shared): Promise<Digest> {
    return this.#digest(slabOf(tensor))
  }

  verify(tensor: Shared): Promise<Verdict> {
    const slab = slabOf(tensor)
    let verdict = this.#verdicts.get(slab)
    if (verdict === undefined) {
      verdict = this.#memory.verify(slab).then((found) => {
        slab.finite = found.firstNonFinite < 0
        return found
      })
      this.#verdicts.set(slab, verdict)
    }
    return verdict
  }

  /** A store is closed; the place goes on for the others. */
  async close(): Promise<void> {}

  /** Forgets what was computed, and so gives back the memory that it takes. */
  forget(): void {
    this.#results.clear()
  }

  async #digest(slab: Slab): Promise<Digest> {
    const verdict = this.#verdicts.get(slab)
    if (verdict !== undefined) return (await verdict).digest
    let digest = this.#digests.get(slab)
    if (digest === undefined) this.#digests.set(slab, (digest = this.#memory.digest(slab)))
    return digest
  }

  async #make(to: readonly Shared[], work: (slabs: Slab[]) => Promise<void>): Promise<void> {
    const slabs = await this.#allocated(to, work)
    to.forEach((tensor, index) => (tensor.slab = slabs[index]))
  }

  /** Results by the operation, what it was asked, and the digests of its inputs. */
  async #once(
    name: string,
    how: object,
    inputs: readonly (Slab | undefined)[],
    to: readonly Shared[],
    work: (slabs: Slab[]) => Promise<void>
  ): Promise<void> {
    const digests = await Promise.all(inputs.map(async (slab) => slab && this.#digest(slab)))
    const key = JSON.stringify([name, how, digests])
    const slabs = await this.#results.once(key, () => this.#allocated(to, work))
    to.forEach((tensor, index) => {
      const slab = slabs[index]
      this.slabs.retain(slab)
      tensor.slab = slab
    })
  }

  async #allocated(to: readonly Shared[], work: (slabs: Slab[]) => Promise<void>): Promise<Slab[]> {
    const slabs: Slab[] = []
    try {
      for (const { length } of to) slabs.push(this.slabs.allocate(length))
      await work(slabs)
      return slabs
    } catch (thrown) {
      for (const slab of slabs) this.slabs.release(slab)
      throw thrown
    }
  }
}

function sharing(slab: Slab): Shared {
  return { length: slab.length, references: 1, slab }
}

function named({ key, tensor }: Named<Shared>): Named<Slab> {
  return { key, tensor: slabOf(tensor) }
}

/** Whoever has a tensor by its key has it made. */
function slabOf({ slab }: Shared): Slab {
  return slab as Slab
}
