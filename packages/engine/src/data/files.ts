import { readFile } from 'node:fs/promises'

import { PeergradError } from '@peergrad/core'

/** A file's bytes. Errors: `missing` when it cannot be read, `aborted`. */
export async function readBytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    return await readFile(path, signal === undefined ? {} : { signal })
  } catch (cause) {
    if (signal?.aborted === true) throw PeergradError.from(cause)
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
