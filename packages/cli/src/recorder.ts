import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { PeergradError, RunEvent } from '@peergrad/core'
import { quietly } from './files.js'
import { fileError } from './machine-error.js'

/** Longest time that an event waits for its line, in milliseconds. */
const DELAY = 500
/** bytes at the end of a file in which its last event is looked for */
const TAIL = 1 << 20

/**
 * `events.ndjson`: one event a line, whole lines only. A disk that fills up ends the file at its last whole line and
 * is said once; the run goes on.
 */
export class Recorder {
  readonly #path: string
  readonly #onError: (error: PeergradError) => void
  #file: number | undefined
  #length = 0
  /** milliseconds that are added to each event's time: what the file holds already went on for so long */
  #offset = 0
  #lines: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * Writes the file anew; with `goOn` after its last whole line, in its time. Errors when the file cannot be made:
   * `missing`, `full` …
   */
  constructor(path: string, onError: (error: PeergradError) => void, { goOn = false } = {}) {
    this.#path = path
    this.#onError = onError
    try {
      const there = goOn && existsSync(path)
      this.#file = openSync(path, there ? 'r+' : 'w')
      if (there) this.#goOn(this.#file)
    } catch (thrown) {
      throw fileError(path, thrown)
    }
  }

  add(event: RunEvent): void {
    const inFile: RunEvent = { ...event, time: event.time + this.#offset }
    this.#lines.push(`${JSON.stringify(inFile)}\n`)
    this.#timer ??= setTimeout(() => this.#flush(), DELAY)
  }

  close(): void {
    this.#flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #goOn(file: number): void {
    const { length, time } = endOf(file)
    ftruncateSync(file, length)
    this.#length = length
    this.#offset = time
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

/** Where the last whole line ends, and the time of its event. */
function endOf(file: number): { readonly length: number; readonly time: number } {
  const { size } = fstatSync(file)
  const tail = Buffer.alloc(Math.min(size, TAIL))
  readSync(file, tail, 0, tail.length, size - tail.length)
  const end = tail.lastIndexOf('\n')
  const line = tail.toString('utf8', tail.subarray(0, Math.max(0, end)).lastIndexOf('\n') + 1, Math.max(0, end))
  return { length: size - tail.length + end + 1, time: timeOf(line) }
}

/** 0 of a line that is no event. */
function timeOf(line: string): number {
  try {
    const { time } = JSON.parse(line) as Partial<RunEvent>
    return typeof time === 'number' ? time : 0
  } catch {
    return 0
  }
}
