import { readFileSync } from 'node:fs'
import {
  parseAdmission,
  PeergradError,
  type AdmissionKind,
  type Options,
  type PeerId,
  type RunManifest
} from '@peergrad/core'
import { fileError } from '../machine-error.js'

const PEER = /^[A-Za-z0-9]{16,128}$/
const INVITATION = /^peergrad\d/

/** What an option takes that may name a file. */
interface Meant {
  readonly path: string
  readonly expected: string
}
const ALLOW: Meant = { path: 'allow', expected: 'a peer id, or a file with one a line' }
const INVITED: Meant = { path: 'invitation', expected: 'what peergrad invite printed, or a file with it' }

/** An admission of which each peer makes its own part. */
const UNFINISHED = 'invitation:'

/** Error `argument`, which names `where`, for what is no peer id. */
export function checkPeer(where: string, text: string): void {
  if (PEER.test(text)) return
  const message = `${where}: got "${text}", expected a peer id, as in 12D3KooW…, which a peer prints when it is refused`
  throw new PeergradError('argument', message, { path: where })
}

/** The same with the peers of the files that `--allow` names in their place. Errors: `argument`, `missing`. */
export function withAllowed(options: Options): Options {
  return { ...options, allow: options.allow.flatMap((entry) => (PEER.test(entry) ? [entry] : peersOf(entry))) }
}

/** The run of a founder: with `--admission invitation` and nobody named, it is the one who may invite. */
export function foundedBy(manifest: RunManifest, self: PeerId): RunManifest {
  return manifest.admission === UNFINISHED ? { ...manifest, admission: UNFINISHED + self } : manifest
}

/**
 * What a peer proves that it may take part with, as it was given: here, or in a file or the environment. Error `missing`
 * for a file that cannot be read.
 */
export function credentialTexts(options: Options): { readonly secret?: string; readonly invitation?: string } {
  const file = options['secret-file']
  const secret = (file === undefined ? process.env['PEERGRAD_SECRET'] : read(file))?.trim()
  const given = options.invitation
  const invitation = (given === undefined || INVITATION.test(given) ? given : read(given, INVITED))?.trim()
  return { ...(secret !== undefined && { secret }), ...(invitation !== undefined && { invitation }) }
}

/** Error `argument` where whoever starts all peers makes their keys too, and so has nobody to admit. */
export function checkAdmissionHere({ admission }: Options): void {
  const here: readonly AdmissionKind[] = ['open', 'secret']
  if (here.includes(admission)) return
  const message = `admission: got ${admission}, expected ${here.join(' or ')}: the peers that are started here get new keys`
  throw new PeergradError('argument', `${message}; start them one by one with \`peergrad peer\``, { path: 'admission' })
}

/** Who may invite others into a run. Error `argument` when nobody does. */
export function invitersOf(manifest: RunManifest): readonly PeerId[] {
  const { kind, peers } = parseAdmission(manifest.admission)
  if (kind === 'invitation') return peers
  throw new PeergradError('argument', `admission: got ${kind}, expected invitation: nobody is invited to this run`)
}

function peersOf(file: string): PeerId[] {
  const peers = read(file, ALLOW)
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
  const wrong = peers.find((peer) => !PEER.test(peer))
  if (wrong === undefined) return peers
  throw new PeergradError('argument', `${file}: got "${wrong}", expected one peer id a line, as in 12D3KooW…`, { file })
}

/** What is no file may have been meant to be something else. */
function read(file: string, meant?: Meant): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    const error = fileError(file, thrown)
    if (meant === undefined || error.data['system'] !== 'ENOENT') throw error
    const message = `${meant.path}: got "${file}", expected ${meant.expected}`
    throw new PeergradError('argument', message, { path: meant.path }, { cause: thrown })
  }
}
