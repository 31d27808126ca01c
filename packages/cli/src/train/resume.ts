import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { optionsToManifest, PeergradError, resolveOptions, type Options, type RunManifest } from '@peergrad/core'
import { say } from '../output/print.js'
import { checkSameRun, findResumable, type Resumable } from '../resume.js'
import { readRunFile } from '../run-file.js'

/** A run that `train` wrote, and that goes on. */
export interface ResumedRun {
  readonly options: Options
  /** checkpoint files to go on from, by the number of the peer, the newest first; who has none asks the others */
  readonly checkpoints: ReadonlyMap<number, string>
}

/**
 * The run in a directory that `train` wrote, with what the flags add to it. Nothing is started or written. Errors:
 * `missing` when it is none, or no peer of it wrote a checkpoint; `corrupt` when none is good; `argument` for a flag
 * that would make it another run, and when the run is over.
 */
export async function resumeRun(directory: string, flags: Readonly<Record<string, unknown>>): Promise<ResumedRun> {
  const path = join(directory, 'run.yaml')
  if (!existsSync(path)) {
    const message = `resume ${directory}: there is no run.yaml in it, expected the directory of a run that train wrote; one peer alone goes on with: peergrad peer --resume ${directory}`
    throw new PeergradError('missing', message, { path })
  }
  const file = await readRunFile(path)
  const manifest = optionsToManifest(resolveOptions({ file }).options)
  const { options } = resolveOptions({ flags, file })
  checkSameRun(options, manifest, directory)
  if (options.out !== undefined && resolve(options.out) !== resolve(directory)) {
    const message = `out: got ${options.out}, but a resumed run goes on in its own directory, ${directory}; leave it out, or copy that directory first and resume the copy`
    throw new PeergradError('argument', message, { path: 'out' })
  }
  const found = await findAll(directory, manifest)
  const newest = [...found].sort(([a, { position: x }], [b, { position: y }]) => y.round - x.round || a - b)
  return {
    options: { ...options, out: directory },
    checkpoints: new Map(newest.map(([number, { file }]) => [number, file]))
  }
}

async function findAll(directory: string, run: RunManifest): Promise<Map<number, Resumable>> {
  const found = new Map<number, Resumable>()
  const failures: PeergradError[] = []
  for (let number = 0; number < run.peers; number++) {
    try {
      found.set(number, await findResumable(join(directory, `peer-${number}`), run))
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (error.code !== 'missing' && error.code !== 'corrupt') throw error
      failures.push(error)
    }
  }
  const torn = failures.find(({ code }) => code === 'corrupt')
  if (found.size === 0) {
    const none = `resume ${directory}: no peer of the run wrote a checkpoint; start anew with: peergrad train --run ${directory}/run.yaml`
    throw torn ?? new PeergradError('missing', none, { path: directory })
  }
  for (const { message } of failures) say(`peergrad: ${message}; it takes the state of the run from the others`)
  return found
}
