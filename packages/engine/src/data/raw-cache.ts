import { createHash, randomUUID, type Hash } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'

import { PeergradError } from '@peergrad/core'

/** a name for the format, then the SHA-256 of what follows */
const MAGIC = Buffer.from('peergrad data 1\n')
const HEADER_BYTES = MAGIC.length + 32
/** bytes of a part that is not kept that are read together */
const BLOCK = 1 << 20

type Bytes = Uint8Array<SharedArrayBuffer>

export interface CachedPart {
  /** byte of the file at which it begins */
  readonly offset: number
  /** in shared memory; empty for a part that stays in the file */
  readonly bytes: Bytes
}

/**
 * Parts of the given lengths of a file that `writeCache` made, those in memory that `keep` says. Undefined when there is
 * none, or when it is not whole: then `report` says so, and the caller makes it anew.
 */
export async function readCache(
  path: string,
  lengths: readonly number[],
  { report, keep = () => true }: { report: (message: string) => void; keep?: (part: number) => boolean }
): Promise<CachedPart[] | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    await fill(file, header)
    const hash = createHash('sha256')
    const parts: CachedPart[] = []
    let offset = HEADER_BYTES
    for (const [index, length] of lengths.entries()) {
      const bytes = new Uint8Array(new SharedArrayBuffer(keep(index) ? length : 0))
      if (keep(index)) hash.update(await fill(file, bytes))
      else await pass(file, length, hash)
      parts.push({ offset, bytes })
      offset += length
    }
    const digest = header.subarray(MAGIC.length)
    const whole = header.subarray(0, MAGIC.length).equals(MAGIC) && hash.digest().equals(digest)
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
      for (const bytes of [MAGIC, digestOf(parts), ...parts]) await file.appendFile(bytes)
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

function digestOf(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Reads as many bytes as fit; a short file leaves the rest zero, which the digest finds. */
async function fill<T extends Uint8Array>(file: FileHandle, bytes: T): Promise<T> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes
}

/** Reads so many bytes for their hash alone. */
async function pass(file: FileHandle, length: number, hash: Hash): Promise<void> {
  const block = Buffer.alloc(Math.min(BLOCK, length))
  for (let left = length; left > 0; left -= block.length) {
    const part = block.subarray(0, left)
    hash.update(await fill(file, part.fill(0)))
  }
}
