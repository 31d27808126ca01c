import type { ContributionManifest, Proposal } from '@peergrad/core'
import type { AgreementMessage, Decision } from '@peergrad/peer'

/** Something said to all. The network never forgets: it may deliver it to anybody, at any time, any number of times. */
export interface Saying {
  readonly id: number
  /** index of the member */
  readonly from: number
  readonly body:
    | AgreementMessage
    | { readonly kind: 'manifest'; readonly manifest: ContributionManifest }
    /** what a peer that has decided tells whoever asks, with accepts of as many as are enough, which prove it */
    | { readonly kind: 'decision'; readonly decision: Decision }
}

/** All that one peer has said. */
export interface Said {
  readonly id: number
  readonly sayings: readonly Saying[]
  /** the accepts among them, by their keys */
  readonly accepts: ReadonlyMap<string, Saying>
}

/** Numbers what is said: equal things are the same object. */
export class Sayings {
  readonly #sayings = new Map<string, Saying>()
  readonly #saids = new Map<string, Said>()
  readonly #byId: Saying[] = []

  saying(from: number, body: Saying['body']): Saying {
    const key = JSON.stringify([from, body])
    let saying = this.#sayings.get(key)
    if (saying === undefined) {
      saying = { id: this.#byId.length, from, body }
      this.#sayings.set(key, saying)
      this.#byId.push(saying)
    }
    return saying
  }

  said(sayings: Iterable<Saying>): Said {
    const inOrder = [...sayings].sort((a, b) => a.id - b.id)
    const key = inOrder.map(({ id }) => id).join()
    let said = this.#saids.get(key)
    if (said === undefined) {
      const accepts = new Map<string, Saying>()
      for (const saying of inOrder) if (saying.body.kind === 'accept') accepts.set(acceptKey(saying.body), saying)
      said = { id: this.#saids.size, sayings: inOrder, accepts }
      this.#saids.set(key, said)
    }
    return said
  }

  byId(id: number): Saying {
    return this.#byId[id]
  }

  all(): readonly Saying[] {
    return this.#byId
  }
}

type Accept = Extract<AgreementMessage, { readonly kind: 'accept' }>

export function acceptKey({ ballot, proposal, outcome }: Accept): string {
  return `${ballot} ${proposal} ${outcome}`
}

/** One line for a trace. */
export function describeSaying(body: Saying['body']): string {
  switch (body.kind) {
    case 'manifest':
      return `manifest ${body.manifest.digest}`
    case 'decision':
      return `decision ${describeValue(body.decision)}`
    case 'prepare':
      return `prepare ${body.ballot}`
    case 'promise':
      return `promise ${body.ballot}, accepted ${body.accepted === null ? 'nothing' : describeValue(body.accepted)}`
    case 'accept':
      return `accept ${body.ballot} ${body.outcome}`
    case 'failed':
      return `failed ${body.ballot} because of [${body.peers.join()}]`
    case 'propose':
      return `propose ${describeValue(body)}`
  }
}

function describeValue(value: { ballot: number; proposal: Proposal; outcome: string | null }): string {
  const { ballot, proposal, outcome } = value
  const contributions = proposal.contributions.map(({ digest }) => digest).join()
  return `${ballot} {${contributions} next ${proposal.members.join()}}${outcome === null ? '' : ` = ${outcome}`}`
}
