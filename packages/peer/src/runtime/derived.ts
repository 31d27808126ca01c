import type { ControlMessage, PeerId } from '@peergrad/core'
import type { Packed } from './vectors.js'

/** Vectors of each member that are remembered, for each other one: a ring makes two in each of a few ballots. */
const EACH = 8
/** Members that it is counted for at least. */
const FEW = 4

type Message = Pick<Extract<ControlMessage, { kind: 'derived' }>, 'ballot' | 'label' | 'digest' | 'words' | 'length'>

/** The vectors that the members made in a round, as they announced them; none of them has room to take from others. */
export class Derived {
  readonly #members = new Map<PeerId, Map<string, Packed & { readonly length: number }>>()
  readonly #each: number

  constructor(members: number) {
    this.#each = EACH * Math.max(members, FEW)
  }

  announced(from: PeerId, { ballot, label, digest, words, length }: Message): void {
    let own = this.#members.get(from)
    if (own === undefined) this.#members.set(from, (own = new Map()))
    const name = nameOf(ballot, label)
    if (own.size < this.#each || own.has(name)) own.set(name, { digest, words, length })
  }

  get(ballot: number, label: string, from: PeerId): (Packed & { readonly length: number }) | undefined {
    return this.#members.get(from)?.get(nameOf(ballot, label))
  }
}

function nameOf(ballot: number, label: string): string {
  return `${ballot}/${label}`
}
