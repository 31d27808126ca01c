import { open, type FileHandle } from 'node:fs/promises'

/** Bytes that are read at once; a line may be longer. */
const CHUNK = 256 * 1024

export interface Lines {
  /** whole lines, without the end of the last one */
  readonly text: string
  /** where the next line begins, in bytes */
  readonly end: number
}

/** Reads the whole lines of a file that grows. */
export class LineReader {
  readonly #path: string
  #position: number

  /** @param position where a line begins, in bytes */
  constructor(path: string, position: number) {
    this.#path = path
    this.#position = position
  }

  /** The next lines; undefined when there are none yet, `shrunk` when another file is there now. */
  async next(): Promise<Lines | 'shrunk' | undefined> {
    const file = await open(this.#path, 'r').catch(() => undefined)
    if (file === undefined) return undefined
    try {
      const { size } = await file.stat()
      if (size < this.#position) return 'shrunk'
      return await this.#read(file, size)
    } finally {
      await file.close()
    }
  }

  async #read(file: FileHandle, size: number): Promise<Lines | undefined> {
    for (let length = CHUNK; ; length *= 2) {
      const bytes = Buffer.alloc(Math.min(length, size - this.#position))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#position)
      const end = bytes.subarray(0, bytesRead).lastIndexOf('\n')
      if (end >= 0) {
        this.#position += end + 1
        return { text: bytes.toString('utf8', 0, end), end: this.#position }
      }
      if (this.#position + bytesRead >= size || bytesRead === 0) return undefined
    }
  }
}
