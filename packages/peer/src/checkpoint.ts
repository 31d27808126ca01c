import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PeergradError, type DataPosition, type Layout, type RunManifest, type Vector } from '@peergrad/core'

export interface CheckpointPosition {
  readonly run: string
  readonly manifest: RunManifest
  /** the next round */
  readonly round: number
  /** optimiser steps made */
  readonly step: number
  readonly data: DataPosition
}

/**
 * Writes model and optimiser state as one safetensors file (8 bytes header length, JSON header, raw little-endian
 * floats), which other tools read too: a tensor for each slot of the layout, `optimiser.i` for the optimiser's
 * vectors, and the position and a SHA-256 of the data as metadata. The file appears whole or not at all.
 * Errors: `full` when the disk is, `argument` when the path cannot be written.
 */
export async function writeCheckpoint(
  file: string,
  layout: Layout,
  state: readonly Vector[],
  position: CheckpointPosition
): Promise<void> {
  const [model, ...optimiser] = state
  const header: Record<string, unknown> = {}
  for (const { name, shape, offset, length } of layout.slots) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset * 4, (offset + length) * 4] }
  }
  let end = model.byteLength
  optimiser.forEach((vector, index) => {
    header[`optimiser.${index}`] = {
      dtype: 'F32',
      shape: [vector.length],
      data_offsets: [end, end + vector.byteLength]
    }
    end += vector.byteLength
  })
  const digest = createHash('sha256')
  for (const vector of state) digest.update(bytesOf(vector))
  header.__metadata__ = { peergrad: JSON.stringify(position), sha256: digest.digest('hex') }
  let json = JSON.stringify(header)
  json += ' '.repeat((8 - (json.length % 8)) % 8)
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(Buffer.byteLength(json)), true)

  const temporary = `${file}.${process.pid}.tmp`
  try {
    await mkdir(dirname(file), { recursive: true })
    const handle = await open(temporary, 'w')
    try {
      // writeFile, for writev ends short of a full disk without an error
      for (const part of [length, Buffer.from(json), ...state.map(bytesOf)]) await handle.writeFile(part)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const full = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
    throw new PeergradError(
      full ? 'full' : 'argument',
      full
        ? `checkpoint ${file}: the disk is full, expected room for ${8 + json.length + end} bytes; make room or choose another --out`
        : `checkpoint ${file}: cannot be written (${cause instanceof Error ? cause.message : String(cause)})`,
      { file },
      { cause }
    )
  }
}

/** Reads a checkpoint's metadata and checks its sum. Error `corrupt` when the file is torn or foreign. */
export async function readCheckpoint(
  file: string
): Promise<{ position: CheckpointPosition; data: Buffer; header: Record<string, unknown> }> {
  const bytes = await readFile(file)
  const torn = (what: string) =>
    new PeergradError('corrupt', `checkpoint ${file}: ${what}; take an older one`, { file })
  if (bytes.length < 8) throw torn(`got ${bytes.length} bytes, expected at least 8`)
  const length = Number(bytes.readBigUInt64LE(0))
  if (length > bytes.length - 8) throw torn(`got ${bytes.length} bytes, expected a header of ${length}`)
  const { __metadata__: metadata, ...header } = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as {
    __metadata__?: { peergrad?: string; sha256?: string }
  } & Record<string, unknown>
  if (metadata?.peergrad === undefined) throw torn('it was not written by peergrad')
  const data = bytes.subarray(8 + length)
  if (createHash('sha256').update(data).digest('hex') !== metadata.sha256) throw torn('its checksum does not match')
  return { position: JSON.parse(metadata.peergrad) as CheckpointPosition, data, header }
}

function bytesOf(vector: Vector): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}
