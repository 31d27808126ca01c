import { readdir, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { firstDifference, PeergradError, type CheckpointPosition, type RunManifest } from '@peergrad/core'
import { verifyCheckpoint } from './read.js'

/** Where a peer's checkpoints lie in its directory. */
export const CHECKPOINTS = 'checkpoints'

const NAME = /^round-(\d{6,})\.safetensors$/

/** The file of the checkpoint from which `round` would start. */
export function checkpointFile(directory: string, round: number): string {
  return join(directory, `round-${String(round).padStart(6, '0')}.safetensors`)
}

export interface ListedCheckpoint {
  readonly file: string
  readonly round: number
}

/** By their names, the newest first; none where there is no such directory. */
export async function listCheckpoints(directory: string): Promise<ListedCheckpoint[]> {
  const names = await readdir(directory).catch(() => [])
  return names
    .flatMap((name) => {
      const round = NAME.exec(name)?.[1]
      return round === undefined ? [] : [{ file: join(directory, name), round: Number(round) }]
    })
    .sort((a, b) => b.round - a.round)
}

/**
 * Deletes what is older than the newest `keep` up to `round`. Newer ones stay: they are of a run that was gone back
 * from, and are written over when it comes there again.
 */
export async function rotate(directory: string, round: number, keep: number): Promise<void> {
  const upTo = (await listCheckpoints(directory)).filter((each) => each.round <= round)
  await Promise.all(upTo.slice(keep).map(({ file }) => rm(file, { force: true })))
}

export interface FoundCheckpoint {
  readonly file: string
  readonly position: CheckpointPosition
  /** what is wrong with each newer one, as sentences */
  readonly skipped: readonly string[]
}

/**
 * The checkpoint that `path` means, checked to its last byte: of a peer's directory, or a directory of checkpoints, the
 * newest good one, of `run` if that is given; a file is that one. Errors: `missing` when there is none; `corrupt` when a
 * file is torn, changed or foreign, and names the good one to take instead.
 */
export async function findCheckpoint(path: string, run?: RunManifest): Promise<FoundCheckpoint> {
  const kind = await kindOf(path)
  if (kind === 'file') return { file: path, position: await verifyOrOffer(path), skipped: [] }
  const directory =
    kind === 'directory' && (await kindOf(join(path, CHECKPOINTS))) === 'directory' ? join(path, CHECKPOINTS) : path
  const listed = await listCheckpoints(directory)
  const { good, bad } = await newestGood(listed, run)
  if (good !== undefined) return { ...good, skipped: bad }
  if (listed.length === 0) {
    const what = kind === undefined ? 'there is no such file or directory' : 'there is no checkpoint in it'
    const message = `checkpoint ${path}: ${what}; expected a checkpoint, or the directory of a peer that wrote some`
    throw new PeergradError('missing', message, { path })
  }
  throw new PeergradError('corrupt', `checkpoint ${path}: no checkpoint there is good: ${bad.join('; ')}`, { path })
}

/** Error `argument` names the first field in which the checkpoint's run differs from ours. */
export function checkRun(file: string, { manifest }: CheckpointPosition, ours: RunManifest): void {
  const difference = firstDifference(ours, manifest) ?? firstDifference(manifest, ours)
  if (difference === undefined) return
  const [here, there] = [ours, manifest].map((each) => JSON.stringify(each[difference.field as keyof RunManifest]))
  throw new PeergradError(
    'argument',
    `checkpoint ${file}: is of another run: ${difference.field} is ${there} there, and ${here} here; resume the run with its own options`,
    { file, field: difference.field }
  )
}

async function verifyOrOffer(file: string): Promise<CheckpointPosition> {
  try {
    return await verifyCheckpoint(file)
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    if (error.code !== 'corrupt') throw error
    const all = await listCheckpoints(dirname(file))
    const index = all.findIndex((each) => resolve(each.file) === resolve(file))
    // the older ones first: they are what the file went on from
    const { good } = await newestGood([...all.slice(index + 1), ...all.slice(0, Math.max(0, index))])
    const offer = good === undefined ? 'there is no other good one beside it' : `take ${good.file} instead`
    throw new PeergradError(
      'corrupt',
      `${error.message}; ${offer}`,
      { ...error.data, instead: good?.file },
      { cause: error }
    )
  }
}

/** The first of the list that is good, and what is wrong with those before it. */
async function newestGood(listed: readonly ListedCheckpoint[], run?: RunManifest) {
  const bad: string[] = []
  for (const { file } of listed) {
    try {
      const position = await verifyCheckpoint(file)
      if (run !== undefined) checkRun(file, position, run)
      return { good: { file, position }, bad }
    } catch (thrown) {
      bad.push(PeergradError.from(thrown).message)
    }
  }
  return { good: undefined, bad }
}

async function kindOf(path: string): Promise<'file' | 'directory' | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return undefined
  return found.isDirectory() ? 'directory' : 'file'
}
