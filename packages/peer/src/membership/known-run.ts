import {
  canonical,
  firstDifference,
  parseAdmission,
  PeergradError,
  shown,
  type Guest,
  type PeerId,
  type RunManifest
} from '@peergrad/core'
import { admissionOf } from './admission/admission-of.js'
import type { Admission, Claim, Credentials } from './admission/admission.js'

export interface KnownRunInit {
  readonly self: PeerId
  readonly credentials: Credentials
  /** time of day in milliseconds */
  readonly now: () => number
  /** whether a peer is in the view, as far as this one knows it */
  readonly isMember: (peer: PeerId) => boolean
  readonly sha256: (text: string) => string
  /** the first digits of the id that the run has which this peer came for; any when left out */
  readonly expected?: string
}

type Greeting = Omit<Claim, 'run'>

/** The run that a peer takes part in: what another one must show to take part in it too. */
export class KnownRun {
  readonly manifest: RunManifest
  /** SHA-256 of the canonical manifest */
  readonly id: string
  readonly #admission: Admission

  /** Error `refused` when this peer has not what it takes to take part. */
  constructor(manifest: RunManifest, init: KnownRunInit) {
    this.manifest = manifest
    this.id = init.sha256(canonical(manifest))
    this.#admission = admissionOf(manifest.admission, init)
  }

  /** The run as another peer tells it. Error `refused` when it is another one than this peer came for. */
  static toldBy(manifest: RunManifest, init: KnownRunInit): KnownRun {
    const { secret, invitation } = init.credentials
    if (parseAdmission(manifest.admission).kind === 'open' && (secret !== undefined || invitation !== undefined)) {
      const what = secret === undefined ? 'an invitation' : 'a secret'
      const message = `join: the run there is open to anybody, and ${what} was given here`
      throw new PeergradError('refused', `${message}; check the address, or leave it out to take part all the same`)
    }
    const run = new KnownRun(manifest, init)
    const { expected = '' } = init
    if (run.id.startsWith(expected)) return run
    const message = `join: the run there is ${run.id.slice(0, expected.length)}…, expected ${expected}…`
    throw new PeergradError('refused', `${message}; another run was started there since: get its join command`)
  }

  /** What this peer shows with a greeting. */
  show(greeting: Greeting): Uint8Array | null {
    return this.#admission.show({ ...greeting, run: this.id })
  }

  /**
   * Error `refused` says why the peer that greets, or answers, may not take part. One that only `looks`, as who watches or is not
   * ready yet, uses nothing up that is for one peer.
   */
  checkAdmitted(greeting: Greeting, shown: Uint8Array | null, looks = false): void {
    const reason = this.#admission.refuses({ ...greeting, run: this.id }, shown, looks)
    if (reason !== undefined) throw this.#refusal(reason)
  }

  /** Why a peer that could take part when it came may not any more; undefined when it may. */
  objection(peer: PeerId): PeergradError | undefined {
    const reason = this.#admission.guests?.objection(peer)
    return reason === undefined ? undefined : this.#refusal(reason)
  }

  /** The view is another one. */
  settle(): void {
    this.#admission.guests?.settle()
  }

  /** Who used what is for one peer alone and is in the view no more: a newcomer is told. */
  get guests(): Guest[] {
    return this.#admission.guests?.list() ?? []
  }

  /** What this peer was told of them as a newcomer. */
  told(guests: readonly Guest[]): void {
    for (const guest of guests) this.#admission.guests?.told(this.id, guest)
  }

  /** Error `refused` with the first field that differs. */
  checkSame(theirs: RunManifest): void {
    const difference = differenceOf(this.manifest, theirs)
    if (difference !== undefined) throw difference
  }

  #refusal(reason: string): PeergradError {
    return new PeergradError('refused', `join: ${reason}`, { admission: parseAdmission(this.manifest.admission).kind })
  }
}

/** Whether an error says that a peer lacks what the run's admission asks for. */
export function isObjection({ code, data }: PeergradError): boolean {
  return code === 'refused' && data['admission'] !== undefined
}

/** Whether an error says that two peers are of different runs. */
export function isOfAnotherRun({ code, data }: PeergradError): boolean {
  return code === 'refused' && data['field'] !== undefined
}

/** Error `refused` with the first field in which another run differs; undefined when it is the same. */
export function differenceOf(ours: RunManifest, theirs: RunManifest): PeergradError | undefined {
  if (canonical(ours) === canonical(theirs)) return undefined
  const difference = firstDifference(ours, theirs)
  return new PeergradError(
    'refused',
    `the runs differ at "${difference?.field}": got ${shown(difference?.there)}, expected ${shown(difference?.here)}; ` +
      'start the peer with the same run file, or with --join alone to take the run as it is',
    { field: difference?.field }
  )
}
