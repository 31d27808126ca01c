import {
  EVIDENCE_BYTES,
  type ContributionManifest,
  type ControlMessage,
  type Evidence,
  type Offence,
  type PeerId
} from '@peergrad/core'
import { contradicts } from './evidence.js'
import type { RoundServices } from './round-services.js'
import type { Packed } from './vectors.js'

type Announced = Extract<ControlMessage, { kind: 'manifest' }>

/** What a peer may read in a round: more is a lie to weigh more. */
interface SamplesInRound {
  readonly least: number
  readonly most: number
}

export function samplesOf({ strategy, manifest }: Pick<RoundServices, 'strategy' | 'manifest'>): SamplesInRound {
  return { least: strategy.ownModels === true ? 0 : 1, most: strategy.minibatches * manifest.batch }
}

export interface ManifestsInit {
  /** floats of a contribution */
  readonly length: number
  readonly samples: SamplesInRound
  readonly refuse: (peer: PeerId, offence: Offence, reason: string) => void
  /** a peer said two different things */
  readonly onContradiction: (evidence: Evidence) => void
}

/** Lives of one peer that are listened to in a round. One that is needed and dies more often holds the round up. */
const LIVES = 8

/** What the members say that they give to a round. The first word of each counts, and of its next life when it took the state anew or died. */
export class Manifests {
  readonly #init: ManifestsInit
  readonly #first = new Map<PeerId, Map<number, { readonly message: Announced; readonly envelope: Uint8Array }>>()

  constructor(init: ManifestsInit) {
    this.#init = init
  }

  /** The contribution, when it is the first of this life of the peer and one that can be. */
  receive(peer: PeerId, message: Announced, envelope: Uint8Array): ContributionManifest | undefined {
    const { refuse, onContradiction, length: expected } = this.#init
    const { least, most } = this.#init.samples
    const { round, life, digest, words, length, samples, loss } = message
    if (envelope.byteLength > EVIDENCE_BYTES) {
      // nobody would take it as evidence, and whoever sent it as that would seem to lie
      refuse(
        peer,
        'malformed',
        `got a contribution in ${envelope.byteLength} bytes, expected at most ${EVIDENCE_BYTES}`
      )
      return undefined
    }
    const lives = this.#first.get(peer) ?? new Map()
    const first = lives.get(life)
    if (first !== undefined) {
      if (contradicts(first.message, message)) {
        onContradiction({ peer, round, envelopes: [first.envelope, envelope] })
      }
      return undefined
    }
    if (lives.size === LIVES) return undefined
    this.#first.set(peer, lives.set(life, { message, envelope }))
    if (length !== expected) {
      refuse(peer, 'wrong-length', `got a contribution of ${length} floats, expected ${expected}`)
    } else if (samples < least || samples > most) {
      refuse(peer, 'malformed', `got a contribution of ${samples} samples, expected ${least} to ${most}`)
    } else return { peer, round, digest, words, length, samples, loss }
    return undefined
  }

  /** Whether the peer said in one of its lives that it gives this. */
  said(peer: PeerId, { digest, words }: Packed): boolean {
    const said = [...(this.#first.get(peer)?.values() ?? [])]
    return said.some(({ message }) => message.digest === digest && message.words === words)
  }

  /** Whether it can be a contribution to this round. */
  fits({ length, samples }: ContributionManifest): boolean {
    const { least, most } = this.#init.samples
    return length === this.#init.length && least <= samples && samples <= most
  }
}
