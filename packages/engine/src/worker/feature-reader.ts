import { openSync, readSync } from 'node:fs'

import { PeergradError, type FeatureFiles } from '@peergrad/core'

import { interleave } from '../data/planes.js'

/** Reads samples from the files that they stay in, one at a time, on the thread of an engine worker. */
export class FeatureReader {
  readonly #source: FeatureFiles
  readonly #channels: number
  /** as the file has it, and pixel by pixel */
  readonly #raw: Uint8Array
  readonly #pixels: Uint8Array
  /** file descriptors by path, open until the thread ends */
  readonly #open = new Map<string, number>()

  constructor(source: FeatureFiles, { length, channels }: { length: number; channels: number }) {
    this.#source = source
    this.#channels = channels
    this.#raw = new Uint8Array(length)
    this.#pixels = source.planar ? new Uint8Array(length) : this.#raw
  }

  /** The bytes of a sample, good until the next call. Errors: `missing` when a file cannot be read, `corrupt` when it ends. */
  read(sample: number): Uint8Array {
    const { offset, stride, planar } = this.#source
    const { path, index } = this.#find(sample)
    const from = offset + index * stride
    let length = 0
    while (length < this.#raw.length) {
      const bytes = this.#try(path, (file) =>
        readSync(file, this.#raw, length, this.#raw.length - length, from + length)
      )
      if (bytes === 0) {
        const message = `data: ${path} ends in its sample ${index}, at ${from + length} bytes; it was longer when the run began`
        throw new PeergradError('corrupt', message, { path })
      }
      length += bytes
    }
    if (planar) interleave(this.#raw, this.#pixels, this.#channels)
    return this.#pixels
  }

  #find(sample: number): { path: string; index: number } {
    let index = sample
    for (const { path, samples } of this.#source.files) {
      if (index < samples) return { path, index }
      index -= samples
    }
    throw new PeergradError('argument', `data: got sample ${sample}, which is in none of the files`)
  }

  #try(path: string, work: (file: number) => number): number {
    try {
      let file = this.#open.get(path)
      if (file === undefined) this.#open.set(path, (file = openSync(path, 'r')))
      return work(file)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new PeergradError('missing', `data: cannot read ${path} (${why})`, { path }, { cause })
    }
  }
}
