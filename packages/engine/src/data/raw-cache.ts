import { createHash, randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'

import { PeergradError } from '@peergrad/core'

/** a name for the format, then the SHA-256 of what follows */
const MAGIC = Buffer.from('peergrad data 1\n')
const HEADER_BYTES = MAGIC.length + 32

type Bytes = Uint8Array<SharedArrayBuffer>

/**
 * Parts of the given lengths from a file that `writeCache` made, in shared memory. Undefined when there is none, or
 * when it is not whole: then `report` says so, and the caller makes it anew.
 */
export async function readCache(
  path: string,
  lengths: readonly number[],
  report: (message: string) => void
): Promise<Bytes[] | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    await fill(file, header)
    const parts: Bytes[] = []
    for (const length of lengths) {
      const part = new Uint8Array(new SharedArrayBuffer(length))
      await fill(file, part)
      parts.push(part)
    }
    const whole = header.subarray(0, MAGIC.length).equals(MAGIC) && header.subarray(MAGIC.length).equals(digest(parts))
    if (whole) return parts
    report(`${path} is damaged; making it anew`)
    return undefined
  } finally {
    await file.close()
  }
}

/** Writes the parts to a file, whole or not at all. Error `full` when the disk is. */
export async function writeCache(path: string, parts: readonly Bytes[]): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      for (const bytes of [MAGIC, digest(parts), ...parts]) await file.appendFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    const why = cause instanceof Error ? cause.message : String(cause)
    const code = (cause as { code?: unknown }).code === 'ENOSPC' ? 'full' : 'missing'
    throw new PeergradError(
      code,
      `data: cannot write ${path} (${why}); make room or choose another cache directory`,
      { path },
      { cause }
    )
  }
}

function digest(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Reads as many bytes as fit; a short file leaves the rest zero, which the digest finds. */
async function fill(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at)
    if (bytesRead === 0) return
    at += bytesRead
  }
}
