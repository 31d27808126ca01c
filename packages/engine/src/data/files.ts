import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { PeergradError } from '@peergrad/core'

/** A file's bytes. Errors: `missing` when it cannot be read, `aborted`. */
export async function readBytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  return reading(path, signal, () => readFile(path, signal === undefined ? {} : { signal }))
}

/** A file's length in bytes. Errors as those of `readBytes`. */
export async function lengthOf(path: string): Promise<number> {
  return reading(path, undefined, async () => (await stat(path)).size)
}

/** Answers `DatasetSource.find` for files that must all be in a directory. Error `missing` names the first that is not. */
export async function findAll(
  directory: string,
  names: readonly string[]
): Promise<{ where: string; missing: number }> {
  for (const name of names) await lengthOf(join(directory, name))
  return { where: directory, missing: 0 }
}

/**
 * A file from byte `from` on in blocks of `size` bytes, the last one perhaps shorter, so that no more of it is in memory.
 * Each block is good until the next one is asked for. Errors as those of `readBytes`.
 */
export async function* blocks(
  path: string,
  { from = 0, size, signal }: { from?: number; size: number; signal?: AbortSignal | undefined }
): AsyncGenerator<Uint8Array> {
  const file = await reading(path, signal, () => open(path))
  try {
    const block = new Uint8Array(size)
    for (let at = from; ; at += size) {
      let length = 0
      while (length < size) {
        signal?.throwIfAborted()
        const { bytesRead } = await reading(path, signal, () => file.read(block, length, size - length, at + length))
        if (bytesRead === 0) break
        length += bytesRead
      }
      if (length > 0) yield block.subarray(0, length)
      if (length < size) return
    }
  } finally {
    await file.close()
  }
}

async function reading<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (signal?.aborted === true) throw PeergradError.from(signal.reason)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PeergradError('missing', `data: cannot read ${path} (${why})`, { path }, { cause })
  }
}

/** The same bytes in memory that every worker can see. */
export function shared(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}
