import { random, seedOf, type DataPosition, type Minibatch, type PeerId } from '@peergrad/core'

/** Bytes of an epoch's history as a newcomer is told it, with the view: the rest of that message is for proofs and guests. */
const HISTORY = 48 * 1024
/** Bytes of a name, and of a change of the view beside two for each member, that its coding adds. */
const NAME = 2
const CHANGE = 24

export interface DataPlanInit {
  readonly seed: number
  readonly batch: number
  /** minibatches each peer takes in one round */
  readonly minibatches: number
  /** deals all training samples to n ranks; pure */
  readonly partition: (shards: number, epoch: number) => readonly Uint32Array[]
}

/**
 * Which samples each peer reads in which round. Every peer computes the same plan from the run's seed and the view
 * changes of this epoch, so nobody is ever told. An epoch starts with a shard for each rank, shuffled; a peer that
 * goes leaves its unread samples to those that stay, dealt by rank; then a newcomer gets an even share of what is unread;
 * who is left with nothing reads the shard of its rank again.
 */
export class DataPlan {
  readonly #init: DataPlanInit
  #epoch: number
  #start: number
  #changes: { round: number; members: string[] }[]
  #unread: Map<PeerId, Uint32Array>
  /** first round that the lists in #unread stand for */
  #from: number
  /** rounds from #from to the end of the epoch */
  #rounds: number
  /** of this epoch, once somebody asked for it */
  #training: Uint32Array | undefined

  constructor(init: DataPlanInit, position: DataPosition) {
    this.#init = init
    this.#epoch = position.epoch
    this.#start = position.start
    const [first, ...later] = position.changes
    this.#changes = [{ round: first.round, members: [...first.members] }]
    this.#from = position.start
    this.#unread = this.#deal(first.members)
    this.#rounds = this.#roundsLeft()
    for (const change of later) this.#change(change.round, change.members)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** First round of the next epoch. */
  get epochEnd(): number {
    return this.#from + this.#rounds
  }

  /** What a newcomer needs to compute the same plan. */
  get position(): DataPosition {
    return { epoch: this.#epoch, start: this.#start, changes: this.#changes.map((change) => ({ ...change })) }
  }

  /** Moves to `round` with these members. Called once for each round, in order. */
  advance(round: number, members: readonly PeerId[]): void {
    const changed = !sameMembers([...this.#unread.keys()], members)
    if (round >= this.epochEnd || (changed && !this.#holds(members))) {
      this.#epoch += 1
      this.#start = round
      this.#from = round
      this.#changes = [{ round, members: [...members] }]
      this.#training = undefined
      this.#unread = this.#deal(members)
      this.#rounds = this.#roundsLeft()
    } else if (changed) {
      this.#change(round, members)
    }
  }

  /** The peer's minibatches of a round of this epoch. Each is full: a list that is read to its end starts again. */
  minibatches(round: number, peer: PeerId): Minibatch[] {
    const samples = this.#unread.get(peer)
    if (samples === undefined || samples.length === 0) return []
    const { batch, minibatches, seed } = this.#init
    const first = (round - this.#from) * batch * minibatches
    return Array.from({ length: minibatches }, (_, index) => ({
      samples: Uint32Array.from({ length: batch }, (_, i) => samples[(first + index * batch + i) % samples.length]),
      seed: seedOf(seed, 'minibatch', round, samples[(first + index * batch) % samples.length], index)
    }))
  }

  /** Samples of the list that the peer reads; 0 for whoever has none. */
  samples(peer: PeerId): number {
    return this.#unread.get(peer)?.length ?? 0
  }

  /** All that is dealt in this epoch, shard after shard: the same list until the next one, to be read only. */
  training(): Uint32Array {
    this.#training ??= this.#all()
    return this.#training
  }

  #all(): Uint32Array {
    const shards = this.#init.partition(this.#changes[0].members.length, this.#epoch)
    const all = new Uint32Array(shards.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const shard of shards) {
      all.set(shard, at)
      at += shard.length
    }
    return all
  }

  /** Whether a newcomer can be told of one more change of the view. Else the epoch ends here, for all in the same round. */
  #holds(members: readonly PeerId[]): boolean {
    const views = [...this.#changes.map((change) => change.members), members]
    const names = [...new Set(views.flat()), ...members]
    const places = views.reduce((sum, view) => sum + 2 * view.length + CHANGE, 0)
    return places + names.reduce((sum, name) => sum + name.length + NAME, 0) <= HISTORY
  }

  #deal(members: readonly PeerId[]): Map<PeerId, Uint32Array> {
    const shards = this.#init.partition(members.length, this.#epoch)
    return new Map(
      members.map((peer, rank) => [
        peer,
        random(this.#init.seed, 'epoch', this.#epoch, rank).shuffle(shards[rank].slice())
      ])
    )
  }

  #roundsLeft(): number {
    let unread = 0
    for (const samples of this.#unread.values()) unread += samples.length
    return Math.max(1, Math.round(unread / (this.#unread.size * this.#init.batch * this.#init.minibatches)))
  }

  #change(round: number, members: readonly PeerId[]): void {
    const read = (round - this.#from) * this.#init.batch * this.#init.minibatches
    const stay = new Map<PeerId, number[]>()
    const left: number[] = []
    for (const [peer, samples] of this.#unread) {
      const unread = [...samples.subarray(Math.min(read, samples.length))]
      if (members.includes(peer)) stay.set(peer, unread)
      else for (const sample of unread) left.push(sample)
    }
    const newcomers = members.filter((peer) => !stay.has(peer))
    const heirs = stay.size === 0 ? members : members.filter((peer) => stay.has(peer))
    const lists = new Map(members.map((peer) => [peer, stay.get(peer) ?? []]))
    deal(left, heirs, lists)
    const shared = [...stay.values()].flatMap((list) =>
      list.splice(list.length - Math.floor((list.length * newcomers.length) / members.length))
    )
    deal(shared, newcomers, lists)
    this.#unread = new Map([...lists].map(([peer, list]) => [peer, Uint32Array.from(list)]))
    this.#from = round
    this.#rounds = this.#roundsLeft()
    // the end of the epoch may leave a peer nothing new: it reads the shard of its rank again
    const shards = members.some((peer) => this.#unread.get(peer)?.length === 0) && this.#deal(members)
    if (shards)
      for (const [peer, samples] of this.#unread)
        if (samples.length === 0) this.#unread.set(peer, shards.get(peer) ?? samples)
    this.#changes.push({ round, members: [...members] })
  }
}

/** One sample to each of these peers in turn. */
function deal(samples: readonly number[], peers: readonly PeerId[], lists: ReadonlyMap<PeerId, number[]>): void {
  samples.forEach((sample, index) => lists.get(peers[index % peers.length])?.push(sample))
}

function sameMembers(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  return a.length === b.length && a.every((peer, index) => peer === b[index])
}
