import type { DerivedMessage, PeerId } from '@peergrad/core'
import type { Packed } from './vectors.js'

/** Vectors of each member that are remembered, for each other one: a ring makes two in each of a few ballots. */
const EACH = 8
/** Members that it is counted for at least. */
const FEW = 4

/** What a member says of a vector that it made. */
export type Announcement = Pick<DerivedMessage, 'ballot' | 'label' | 'digest' | 'words' | 'length'>

/** The vectors that the members made in a round, as they announced them; none of them has room to take from others. */
export class Derived {
  readonly #members = new Map<PeerId, Map<string, Packed & { readonly length: number }>>()
  readonly #each: number

  constructor(members: number) {
    this.#each = EACH * Math.max(members, FEW)
  }

  /** Returns whether the vector was not known before. */
  announced(from: PeerId, { ballot, label, digest, words, length }: Announcement): boolean {
    let own = this.#members.get(from)
    if (own === undefined) this.#members.set(from, (own = new Map()))
    const name = nameOf(ballot, label)
    const isNews = !own.has(name)
    // what was made in earlier ballots makes room: those exchanges were given up
    if (isNews && own.size >= this.#each) for (const old of own.keys()) if (parseInt(old) < ballot) own.delete(old)
    if (isNews && own.size >= this.#each) return false
    own.set(name, { digest, words, length })
    return isNews
  }

  get(ballot: number, label: string, from: PeerId): (Packed & { readonly length: number }) | undefined {
    return this.#members.get(from)?.get(nameOf(ballot, label))
  }
}

function nameOf(ballot: number, label: string): string {
  return `${ballot}/${label}`
}
