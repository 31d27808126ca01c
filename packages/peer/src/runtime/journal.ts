import type { Digest, LinkStatistics, PeerId, Phase, PhaseTimes, RunEvent } from '@peergrad/core'

type WithoutOrigin<T> = T extends unknown ? Omit<T, 'time' | 'peer'> : never
/** An event before the time and the peer are added to it. */
export type EventBody = WithoutOrigin<RunEvent>

interface RoundEntry {
  readonly round: number
  readonly attempt: number
  readonly view: number
  readonly contributors: readonly PeerId[]
  readonly samples: number
  readonly loss: number
  readonly seconds: number
  readonly phases: PhaseTimes
  readonly steps: number
  readonly packed: { readonly bytes: number; readonly whole: number } | undefined
  readonly links: readonly LinkStatistics[]
  readonly parametersHash: Digest
}

/** Turns what the runtime does into events. */
export class Journal {
  readonly #emit: (event: EventBody) => void
  #phase = ''
  #rounds = 0
  #sent = 0
  #received = 0

  constructor(emit: (event: EventBody) => void) {
    this.#emit = emit
  }

  get rounds(): number {
    return this.#rounds
  }

  phase(round: number, phase: Phase): void {
    const now = `${round}/${phase}`
    if (now === this.#phase) return
    this.#phase = now
    this.#emit({ type: 'phase', round, phase })
  }

  round({ links, packed, ...entry }: RoundEntry): void {
    const sent = links.reduce((sum, link) => sum + link.tensorBytesSent + link.controlBytesSent, 0)
    const received = links.reduce((sum, link) => sum + link.tensorBytesReceived + link.controlBytesReceived, 0)
    const bytes = { bytesSent: sent - this.#sent, bytesReceived: received - this.#received }
    this.#emit({ type: 'round', ...entry, ...(packed && { packed }), ...bytes })
    this.#sent = sent
    this.#received = received
    this.#rounds += 1
  }
}
