import { MANIFEST_OPTIONS, manifestToOptions, PeergradError, resolveOptions, type Options } from '@peergrad/core'
import { checkSameRun, findResumable, type Resumable } from '../resume.js'
import { readRunFile, resumePath } from '../run-file.js'
import { withAllowed } from './admission.js'

export interface PeerOptions {
  readonly options: Options
  /** false when the run is to come from the peers to join */
  readonly describesRun: boolean
  /** the checkpoint to go on from */
  readonly resume?: string
}

/**
 * The options of one peer, by flags, the run file at `run` and what `--resume` names, whose run is the run. Errors:
 * those of the three, and `argument` for a run that is described twice.
 */
export async function peerOptions(flags: Readonly<Record<string, unknown>>, run?: string): Promise<PeerOptions> {
  const runFile = run === undefined ? undefined : await readRunFile(run)
  const path = resumePath(flags, runFile)
  const resumed = path === undefined ? undefined : await findResumable(path)
  const file = runFile ?? (resumed && { name: resumed.file, values: manifestToOptions(resumed.position.manifest) })
  const { options: resolved, given } = resolveOptions(file === undefined ? { flags } : { flags, file })
  const options = withAllowed(resolved)
  const joins = options.join.length > 0
  checkRunId(options['run-id'], joins)
  const words = MANIFEST_OPTIONS.filter((name) => given.has(name)).map((name) => `--${name}`)
  if (joins && file === undefined && words.length > 0) {
    throw new PeergradError(
      'argument',
      `${words.join(' ')}: the run comes from the peers at --join; leave ${words.length === 1 ? 'it' : 'them'} out, or give the whole run with --run FILE`
    )
  }
  if (resumed === undefined) return { options, describesRun: file !== undefined || !joins }
  checkSameRun(options, resumed.position.manifest, resumed.file)
  return { options: { ...options, ...placeOf(resumed, options) }, describesRun: true, resume: resumed.file }
}

function checkRunId(id: string | undefined, joins: boolean): void {
  if (id === undefined) return
  const message = /^[\da-f]{16,64}$/.test(id)
    ? joins || 'expected --join as well: a run is joined through one of its peers'
    : 'expected 16 to 64 hexadecimal digits, as the first peer of the run prints them'
  if (message !== true) throw new PeergradError('argument', `run-id: got ${id}, ${message}`, { path: 'run-id' })
}

/** A peer that comes back has the same key and the same directory, where nothing else is said. */
function placeOf({ directory, identity }: Resumable, options: Options): Pick<Options, 'out' | 'identity'> {
  return { out: options.out ?? directory, identity: options.identity ?? identity }
}
