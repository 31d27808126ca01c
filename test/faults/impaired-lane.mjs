/** TCP loses no byte: what a lost packet costs is the time until it is sent again. */
const RETRANSMISSION_MILLISECONDS = 200
/** What a lane takes before it asks for a pause; a slow one has a short queue, which a real link need not have. */
const BUFFER_BYTES = { least: 16 << 10, most: 1 << 20 }
const BUFFER_MILLISECONDS = 250
/** A slow link hands over what it has by then, not a whole chunk at its end. */
const PIECE_MILLISECONDS = 20

/** One direction of one connection: its chunks wait here, in order, for as long as the faults say. */
export class ImpairedLane {
  #effect
  #random
  #clock
  #drained
  #queue = []
  #bytes = 0
  #full = false
  /** when the link has sent what went before */
  #freeAt = 0
  #blocked = false
  #cancel = () => {}

  /** See impaired-lane.d.mts for the types. */
  constructor({ effect, random, clock, drained }) {
    this.#effect = effect
    this.#random = random
    this.#clock = clock
    this.#drained = drained
  }

  get idle() {
    return this.#queue.length === 0 && this.#effect() === undefined
  }

  push(chunk, release) {
    const { rate = Infinity } = this.#effect() ?? {}
    const size = Math.max(1, Math.min(chunk.byteLength, Math.floor((rate * PIECE_MILLISECONDS) / 1000)))
    const at = this.#clock.now()
    for (let from = 0; from < chunk.byteLength || from === 0; from += size) {
      const piece = chunk.subarray(from, from + size)
      this.#queue.push({ piece, release, at, jitter: this.#random(), loss: this.#random() })
    }
    this.#bytes += chunk.byteLength
    this.#pump()
    this.#full = this.#bytes > this.#buffer
    return !this.#full
  }

  refresh() {
    this.#pump()
  }

  get #buffer() {
    const { rate = Infinity } = this.#effect() ?? {}
    return Math.min(BUFFER_BYTES.most, Math.max(BUFFER_BYTES.least, (rate * BUFFER_MILLISECONDS) / 1000))
  }

  #pump() {
    this.#cancel()
    const effect = this.#effect() ?? {}
    if (this.#blocked && effect.block !== true) this.#freeAt = this.#clock.now()
    this.#blocked = effect.block === true
    while (this.#queue.length > 0 && !this.#blocked) {
      const { piece, release, ...item } = this.#queue[0]
      const { rate = Infinity, delay = 0, jitter = 0, loss = 0 } = effect
      const sent = Math.max(item.at, this.#freeAt) + (piece.byteLength / rate) * 1000
      const due = sent + delay + jitter * item.jitter + (item.loss < loss ? RETRANSMISSION_MILLISECONDS : 0)
      const left = due - this.#clock.now()
      if (left > 0) {
        this.#cancel = this.#clock.after(Math.ceil(left), () => this.#pump())
        break
      }
      this.#freeAt = sent
      this.#queue.shift()
      this.#bytes -= piece.byteLength
      release(piece)
    }
    this.#resume()
  }

  #resume() {
    if (!this.#full || this.#bytes > this.#buffer / 2) return
    this.#full = false
    this.#drained()
  }
}

/** Numbers from 0 to 1, the same for the same words: mulberry32 after FNV-1a. */
export function randomOf(...words) {
  let state = 0x811c9dc5
  for (const letter of words.join(' ')) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
