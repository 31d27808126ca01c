import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  canonical,
  MANIFEST_OPTIONS,
  manifestToOptions,
  optionsToManifest,
  PeergradError,
  type Options,
  type RunManifest
} from '@peergrad/core'
import { CHECKPOINTS, findCheckpoint, type FoundCheckpoint } from '@peergrad/peer'
import { say } from './output/print.js'

/** A checkpoint that a peer can go on from, and what of that peer lies around it. */
export interface Resumable extends FoundCheckpoint {
  /** of the peer that wrote it; undefined when the file was put elsewhere */
  readonly directory: string | undefined
  /** that peer's key, when it lies there */
  readonly identity: string | undefined
}

/**
 * What `--resume` means for one peer, of `run` if that is known. Newer checkpoints that are no good are said. Errors:
 * those of `findCheckpoint`, and `argument` when the run is over.
 */
export async function findResumable(path: string, run?: RunManifest): Promise<Resumable> {
  const found = await findCheckpoint(path, run)
  const { file, position, skipped } = found
  for (const each of skipped) say(`peergrad: ${each}; it goes on from ${file}`)
  if (position.finished) {
    const message = `resume ${file}: that run is over, after ${position.round} rounds; start another without --resume`
    throw new PeergradError('argument', message, { path })
  }
  const directory = peerOf(file)
  const key = directory === undefined ? undefined : join(directory, 'identity.key')
  return { ...found, directory, identity: key !== undefined && existsSync(key) ? key : undefined }
}

/** The directory of the peer that wrote a checkpoint; undefined when the file was put elsewhere. */
export function peerOf(checkpoint: string): string | undefined {
  const folder = dirname(checkpoint)
  return basename(folder) === CHECKPOINTS ? dirname(folder) : undefined
}

/**
 * Error `argument` names the first option that differs from the run's: its options are what a run is, and a resumed run
 * is the same run.
 */
export function checkSameRun(options: Options, run: RunManifest, where: string): void {
  const [got, kept] = [optionsToManifest(options), run].map(manifestToOptions)
  const word = MANIFEST_OPTIONS.find((name) => canonical(got[name]) !== canonical(kept[name]))
  if (word === undefined) return
  const [here, there] = [got[word], kept[word]].map((value) => JSON.stringify(value) ?? 'nothing')
  const message = `${word}: got ${here}, but the run in ${where} has ${there}; a resumed run keeps its options, so leave it out`
  throw new PeergradError('argument', message, { path: word })
}
