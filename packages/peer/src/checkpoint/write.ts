import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  makeDirectory,
  PeergradError,
  type CheckpointPosition,
  type Digest,
  type Layout,
  type Vector
} from '@peergrad/core'
import { bytesOf } from './bytes.js'
import { encodeHeader } from './header.js'

export interface CheckpointContents {
  readonly layout: Layout
  readonly position: CheckpointPosition
  /** the model state, then others of any name: the optimiser's, and what else a run goes on with */
  readonly vectors: readonly NamedVector[]
}

export interface NamedVector {
  readonly name: string
  readonly vector: Vector
  readonly digest: Digest
}

/** What a file is called until it is whole. One that a killed process left is written over. */
const UNFINISHED = 'unfinished'
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * Writes a checkpoint, which appears whole under its name or not at all, also when the machine stops. Errors: `full`
 * when the disk is, `argument` when the path cannot be written or the position cannot be one, `duplicate` for two tensors of one name.
 */
export async function writeCheckpoint(file: string, { layout, position, vectors }: CheckpointContents): Promise<void> {
  const facts = vectors.map(({ name, vector, digest }) => ({ name, length: vector.length, digest }))
  const header = encodeHeader({ layout, position, vectors: facts })
  const directory = dirname(file)
  const unfinished = join(directory, UNFINISHED)
  try {
    makeDirectory(directory)
    const handle = await open(unfinished, 'w')
    try {
      // writeFile, for writev ends short of a full disk without an error
      for (const part of [header, ...vectors.map(({ vector }) => bytesOf(vector))]) await handle.writeFile(part)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(unfinished, file)
    await syncDirectory(directory)
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    const bytes = vectors.reduce((sum, { vector }) => sum + vector.byteLength, header.length)
    const full = cause instanceof Error && 'code' in cause && FULL.includes(String(cause.code))
    throw new PeergradError(
      full ? 'full' : 'argument',
      full
        ? `checkpoint ${file}: the disk is full, expected room for ${bytes} bytes; make room or choose another --out`
        : `checkpoint ${file}: cannot be written (${cause instanceof Error ? cause.message : String(cause)})`,
      { file },
      { cause }
    )
  }
}

/** So that the new name outlives a power cut. Windows opens no directories, and has no need to. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
