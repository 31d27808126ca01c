import type { PeerId } from './contracts/mesh.js'
import { PeergradError } from './errors.js'
import { suggestion } from './options/nearest.js'

/**
 * Who may take part in a run: anybody; the peers of a list; whoever knows a secret; whoever was invited by one of a list.
 */
export const ADMISSIONS = ['open', 'allow-list', 'secret', 'invitation'] as const
export type AdmissionKind = (typeof ADMISSIONS)[number]

/** Admission as all peers of a run apply it. What proves membership is each peer's own and never in here. */
export interface AdmissionRule {
  readonly kind: AdmissionKind
  /** who may take part, or who may invite; none with `open` and `secret` */
  readonly peers: readonly PeerId[]
}

const LISTS: ReadonlySet<AdmissionKind> = new Set(['allow-list', 'invitation'])

/** The rule as a run manifest says it: `open`, `secret`, `allow-list:ID,ID` or `invitation:ID`. */
export function admissionText({ kind, peers }: AdmissionRule): string {
  return LISTS.has(kind) ? `${kind}:${[...new Set(peers)].sort().join(',')}` : kind
}

/** Errors: `unknown` for a kind that is none, `argument` for a list that is missing, or that is one too many. */
export function parseAdmission(text: string): AdmissionRule {
  const [name, list] = split(text)
  const kind = ADMISSIONS.find((known) => known === name)
  if (kind === undefined) {
    const message = `admission: got "${name}", ${suggestion(name, ADMISSIONS)}expected one of ${ADMISSIONS.join(', ')}`
    throw new PeergradError('unknown', message)
  }
  const peers = list === '' ? [] : list.split(',')
  if (LISTS.has(kind) && peers.length === 0) {
    throw new PeergradError(
      'argument',
      `admission: got ${kind} of nobody, expected ${kind}:ID,ID…; name peers with --allow`
    )
  }
  if (!LISTS.has(kind) && peers.length > 0) {
    throw new PeergradError('argument', `admission: got ${kind} with a list of peers, expected ${kind} alone`)
  }
  return { kind, peers }
}

function split(text: string): [string, string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}
