import type { RunEvent } from '@peergrad/core'

/** Characters of events that are kept: some thousand rounds. */
const KEPT = 4 << 20
/** Bytes of one answer: a control message holds them, and what is around them. */
const ANSWER = 48 * 1024
const LINES = 1024

/** What happened at this peer, for those who watch it: the first event, which says what the run is, and the last ones. */
export class EventLog {
  readonly #lines: { readonly number: number; readonly text: string }[] = []
  #first: string | undefined
  #next = 0
  #length = 0

  /** An event that is longer than an answer may be is left out. */
  add(event: RunEvent): void {
    const text = JSON.stringify(event)
    if (Buffer.byteLength(text) > ANSWER) return
    this.#first ??= text
    this.#lines.push({ number: this.#next++, text })
    this.#length += text.length
    while (this.#length > KEPT) this.#length -= this.#lines.shift()?.text.length ?? 0
  }

  /** As many as an answer holds, from the one with this number on; those that are not kept any more are missing. */
  since(from: number): { readonly lines: readonly string[]; readonly next: number } {
    const oldest = this.#lines[0]?.number ?? 0
    const lines = from === 0 && oldest > 0 && this.#first !== undefined ? [this.#first] : []
    let bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    let next = Math.min(Math.max(from, oldest), this.#next)
    for (; next < this.#next && lines.length < LINES; next++) {
      const { text } = this.#lines[next - oldest] as { text: string }
      bytes += Buffer.byteLength(text) + 8
      if (bytes > ANSWER && lines.length > 0) break
      lines.push(text)
    }
    return { lines, next }
  }
}
