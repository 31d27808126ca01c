import { PeergradError, random, seedOf, type DataPosition, type Minibatch, type PeerId } from '@peergrad/core'

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

  /** Error `corrupt` for a position that no plan comes to. */
  constructor(init: DataPlanInit, position: DataPosition) {
    checkHistory(position)
    this.#init = init
    this.#epoch = position.epoch
    this.#start = position.start
    const [first, ...later] = position.changes
    this.#changes = [{ round: first.round, members: [...first.members] }]
    this.#from = position.start
    this.#unread = this.#deal(first.members)
    this.#rounds = this.#roundsLeft()
    for (const { round, members } of later) {
      if (round >= this.epochEnd) throw impossible(`a change of the view in round ${round}, after the epoch's end`)
      this.#change(round, members)
    }
  }

  get epoch(): number {
    return this.#epoch
  }

  /** First round of the next epoch. */
  get epochEnd(): number {
    return this.#from + this.#rounds
  }

  /** Whether a round is of this epoch, with these members. */
  covers(round: number, members: readonly PeerId[]): boolean {
    return round >= this.#from && round < this.epochEnd && sameMembers([...this.#unread.keys()], members)
  }

  /** What a newcomer needs to compute the same plan. */
  get position(): DataPosition {
    return { epoch: this.#epoch, start: this.#start, changes: this.#changes.map((change) => ({ ...change })) }
  }

  /** Moves to `round` with these members. Called once for each round, in order. */
  advance(round: number, members: readonly PeerId[]): void {
    const changed = !sameMembers([...this.#unread.keys()], members)
    const views = () => [...this.#changes.map((change) => change.members), members]
    if (round >= this.epochEnd || (changed && !canBeTold(views()))) {
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
    return join(this.#init.partition(this.#changes[0].members.length, this.#epoch))
  }

  #deal(members: readonly PeerId[]): Map<PeerId, Uint32Array> {
    const shards = this.#init.partition(members.length, this.#epoch)
    return new Map(members.map((peer, rank) => [peer, this.#shuffled(shards[rank], rank)]))
  }

  #shuffled(shard: Uint32Array, rank: number): Uint32Array {
    return random(this.#init.seed, 'epoch', this.#epoch, rank).shuffle(shard.slice())
  }

  #roundsLeft(): number {
    let unread = 0
    for (const samples of this.#unread.values()) unread += samples.length
    return Math.max(1, Math.round(unread / (this.#unread.size * this.#init.batch * this.#init.minibatches)))
  }

  #change(round: number, members: readonly PeerId[]): void {
    const read = (round - this.#from) * this.#init.batch * this.#init.minibatches
    const stay = new Map<PeerId, Uint32Array>()
    const gone: Uint32Array[] = []
    const goOn = new Set(members)
    for (const [peer, samples] of this.#unread) {
      const unread = samples.subarray(Math.min(read, samples.length))
      if (goOn.has(peer)) stay.set(peer, unread)
      else gone.push(unread)
    }
    const newcomers = members.filter((peer) => !stay.has(peer))
    const heirs = stay.size === 0 ? members : members.filter((peer) => stay.has(peer))
    const inherited = dealt(join(gone), heirs)
    const lists = new Map(members.map((peer) => [peer, join([stay.get(peer) ?? NONE, inherited.get(peer) ?? NONE])]))
    const shared: Uint32Array[] = []
    for (const peer of stay.keys()) {
      const list = lists.get(peer) ?? NONE
      const kept = list.length - Math.floor((list.length * newcomers.length) / members.length)
      lists.set(peer, list.subarray(0, kept))
      shared.push(list.subarray(kept))
    }
    for (const [peer, share] of dealt(join(shared), newcomers)) lists.set(peer, join([lists.get(peer) ?? NONE, share]))
    this.#unread = lists
    this.#from = round
    this.#rounds = this.#roundsLeft()
    this.#dealAgain(members)
    this.#changes.push({ round, members: [...members] })
  }

  /** The end of the epoch may leave a peer nothing new: it reads the shard of its rank again. */
  #dealAgain(members: readonly PeerId[]): void {
    if (members.every((peer) => this.samples(peer) > 0)) return
    const shards = this.#init.partition(members.length, this.#epoch)
    for (const [rank, peer] of members.entries())
      if (this.samples(peer) === 0) this.#unread.set(peer, this.#shuffled(shards[rank], rank))
  }
}

/** Whether a newcomer can be told of these views, of which the last is that of now. Else the epoch ends, for all in the same round. */
function canBeTold(views: readonly (readonly PeerId[])[]): boolean {
  const names = [...new Set(views.flat()), ...(views.at(-1) ?? [])]
  const places = views.reduce((sum, view) => sum + 2 * view.length + CHANGE, 0)
  return places + names.reduce((sum, name) => sum + name.length + NAME, 0) <= HISTORY
}

/** What can be seen before any sample is dealt. */
function checkHistory({ start, changes }: DataPosition): void {
  const views = changes.map(({ members }) => members)
  if (changes[0].round !== start) throw impossible(`the first view in round ${changes[0].round}, not in ${start}`)
  if (changes.some(({ round }, index) => index > 0 && round <= changes[index - 1].round))
    throw impossible('changes of the view that are not in the order of their rounds')
  if (views.some((members) => new Set(members).size < members.length)) throw impossible('a member twice in a view')
  if (views.length > 1 && !canBeTold(views)) throw impossible(`${views.length} changes of the view in one epoch`)
}

function impossible(what: string): PeergradError {
  return new PeergradError('corrupt', `data position: got ${what}`)
}

const NONE = new Uint32Array()

/** One sample to each of these peers in turn. */
function dealt(samples: Uint32Array, peers: readonly PeerId[]): Map<PeerId, Uint32Array> {
  return new Map(peers.map((peer, turn) => [peer, every(samples, turn, peers.length)]))
}

/** From the first one on, one in so many. */
function every(samples: Uint32Array, first: number, step: number): Uint32Array {
  const some = new Uint32Array(Math.max(0, Math.ceil((samples.length - first) / step)))
  for (let i = 0; i < some.length; i++) some[i] = samples[first + i * step]
  return some
}

/** One after the other; not copied where there is only one. */
function join(lists: readonly Uint32Array[]): Uint32Array {
  const full = lists.filter(({ length }) => length > 0)
  if (full.length <= 1) return full[0] ?? NONE
  const all = new Uint32Array(full.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of full) {
    all.set(list, at)
    at += list.length
  }
  return all
}

function sameMembers(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  return a.length === b.length && a.every((peer, index) => peer === b[index])
}
