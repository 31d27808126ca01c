import { createHash } from 'node:crypto'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { PeergradError, type CheckpointPosition, type CheckpointVector, type Layout, type Vector } from '@peergrad/core'
import { bytesOf } from './bytes.js'
import { checkTensors, decodeHeader, HEADER_LIMIT, LENGTH_BYTES, type Header } from './header.js'

/** bytes that are hashed at a time */
const CHUNK = 1 << 20

/** A checkpoint that is open, its header read and checked. The data are not until `verify`, or until their user does it. */
export class CheckpointReader {
  readonly file: string
  readonly #handle: FileHandle
  readonly #header: Header
  /** of the first vector, in bytes from the start of the file */
  readonly #start: number

  private constructor(file: string, handle: FileHandle, header: Header, start: number) {
    this.file = file
    this.#handle = handle
    this.#header = header
    this.#start = start
  }

  /**
   * Reads no more than the header, and that only when the file can hold it. Errors: `missing` when there is no such
   * file, `corrupt` when it is torn, changed or of another program.
   */
  static async open(file: string): Promise<CheckpointReader> {
    const handle = await openFile(file)
    try {
      const { size } = await handle.stat()
      const bytes = await readHeader(handle, size)
      const header = decodeHeader(bytes)
      const data = header.vectors.reduce((sum, { length }) => sum + length * 4, 0)
      if (bytes.length + data !== size) throw torn(`got ${size} bytes, expected ${bytes.length + data}`)
      return new CheckpointReader(file, handle, header, bytes.length)
    } catch (thrown) {
      await handle.close()
      throw about(file, thrown)
    }
  }

  get position(): CheckpointPosition {
    return this.#header.position
  }

  /** the model state first */
  get vectors(): readonly CheckpointVector[] {
    return this.#header.vectors
  }

  /** Error `shape` names the first tensor that is not that of a model of this layout. */
  checkLayout(layout: Layout): void {
    try {
      checkTensors(this.#header, layout)
    } catch (thrown) {
      throw about(this.file, thrown)
    }
  }

  /** Reads a vector into one of its length. It is as the file has it: hold its digest against the one in `vectors`. */
  async read(vector: CheckpointVector, into: Vector): Promise<void> {
    await this.#fill(bytesOf(into), this.#startOf(vector))
  }

  /** Error `corrupt` names the first vector that does not match its digest. */
  async verify(): Promise<void> {
    const buffer = new Uint8Array(CHUNK)
    for (const vector of this.vectors) {
      const start = this.#startOf(vector)
      const sum = createHash('sha256')
      for (let at = 0; at < vector.length * 4; at += CHUNK) {
        const chunk = buffer.subarray(0, Math.min(CHUNK, vector.length * 4 - at))
        await this.#fill(chunk, start + at)
        sum.update(chunk)
      }
      if (sum.digest('hex') !== vector.digest) throw this.changed(vector)
    }
  }

  changed({ name }: CheckpointVector): PeergradError {
    return about(this.file, torn(`the values of "${name}" do not match their checksum`))
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  #startOf(vector: CheckpointVector): number {
    const before = this.vectors.slice(0, this.vectors.indexOf(vector))
    return before.reduce((sum, { length }) => sum + length * 4, this.#start)
  }

  async #fill(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await fill(this.#handle, bytes, position)
    } catch (thrown) {
      throw about(this.file, thrown)
    }
  }
}

/** Checks a whole checkpoint. Errors: those of `CheckpointReader.open`, and `corrupt`. */
export async function verifyCheckpoint(file: string): Promise<CheckpointPosition> {
  const reader = await CheckpointReader.open(file)
  try {
    await reader.verify()
    return reader.position
  } finally {
    await reader.close()
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    // opening a pipe would wait for its writer
    if ((await stat(file)).isFile()) return await open(file)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PeergradError('missing', `checkpoint ${file}: cannot be read (${why})`, { file }, { cause })
  }
  throw new PeergradError('argument', `checkpoint ${file}: is no file, expected a checkpoint`, { file })
}

async function readHeader(handle: FileHandle, size: number): Promise<Buffer> {
  if (size < LENGTH_BYTES) throw torn(`got ${size} bytes, expected at least ${LENGTH_BYTES}`)
  const prefix = Buffer.alloc(LENGTH_BYTES)
  await fill(handle, prefix, 0)
  const length = Number(prefix.readBigUInt64LE())
  const limit = Math.min(HEADER_LIMIT, size - LENGTH_BYTES)
  if (length > limit) throw torn(`it says that its header has ${length} bytes, expected at most ${limit}`)
  const bytes = Buffer.alloc(LENGTH_BYTES + length)
  await fill(handle, bytes, 0)
  return bytes
}

async function fill(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, position + at)
    if (bytesRead === 0) throw torn('it ended while it was read')
    at += bytesRead
  }
}

function torn(what: string): PeergradError {
  return new PeergradError('corrupt', what)
}

/** What is wrong, as a sentence about the file. */
function about(file: string, thrown: unknown): PeergradError {
  const error = PeergradError.from(thrown)
  return new PeergradError(
    error.code,
    `checkpoint ${file}: ${error.message}`,
    { ...error.data, file },
    { cause: thrown }
  )
}
