import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import type { PeergradError, RunEvent } from '@peergrad/core'
import { quietly } from './files.js'
import { fileError } from './machine-error.js'

/** Longest time that an event waits for its line, in milliseconds. */
const DELAY = 500

/**
 * `events.ndjson`: one event a line, whole lines only. A disk that fills up ends the file at its last whole line and
 * is said once; the run goes on.
 */
export class Recorder {
  readonly #path: string
  readonly #onError: (error: PeergradError) => void
  #file: number | undefined
  #length = 0
  #lines: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Errors when the file cannot be made: `missing`, `full` … */
  constructor(path: string, onError: (error: PeergradError) => void) {
    this.#path = path
    this.#onError = onError
    try {
      this.#file = openSync(path, 'w')
    } catch (thrown) {
      throw fileError(path, thrown)
    }
  }

  add(event: RunEvent): void {
    this.#lines.push(`${JSON.stringify(event)}\n`)
    this.#timer ??= setTimeout(() => this.#flush(), DELAY)
  }

  close(): void {
    this.#flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const bytes = Buffer.from(this.#lines.join(''))
    this.#lines = []
    if (this.#file === undefined || bytes.length === 0) return
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#file, bytes, written, bytes.length - written, this.#length + written)
      }
      this.#length += bytes.length
    } catch (thrown) {
      const file = this.#file
      this.#file = undefined
      quietly(() => ftruncateSync(file, this.#length))
      quietly(() => closeSync(file))
      this.#onError(fileError(this.#path, thrown))
    }
  }
}
