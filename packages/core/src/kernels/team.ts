/** Words at the start of the memory that a team shares. */
const WORD = {
  /** counts calls */
  call: 0,
  /** the number of the call of which pieces may still be taken, 0 between calls */
  open: 1,
  pieces: 2,
  /** the next piece that nobody took */
  next: 3,
  /** helpers that look at the call */
  busy: 4,
  /** a piece threw */
  failed: 5,
  /** bytes of the call's text */
  text: 6
} as const

const TEXT_AT = 64
const TEXT_BYTES = 1 << 18
const NUMBERS_AT = TEXT_AT + TEXT_BYTES
/** Numbers that may come out of one call: distances between 1,024 vectors. Pages that nobody touches take no memory. */
const NUMBERS = 1 << 20

/** Does one piece of a call on the calling thread, and writes the numbers that come out into their places. */
export type DoPiece<C> = (call: C, piece: number, numbers: Float64Array) => void

/**
 * Threads that do one call together, each piece of it on whichever thread is free. The caller takes part, and waits for
 * nobody who has not begun: a helper that is late, or has not started yet, costs nothing. Pieces must not depend on each
 * other, so the result is the same however many threads there are.
 */
export class Team {
  /** threads, the caller's own included */
  readonly size: number
  readonly #control = new SharedArrayBuffer(NUMBERS_AT + NUMBERS * 8)
  readonly #words = new Int32Array(this.#control, 0, TEXT_AT / 4)
  readonly #numbers = new Float64Array(this.#control, NUMBERS_AT, NUMBERS)
  readonly #start: (control: SharedArrayBuffer) => void
  #started = false

  /** @param start starts `size − 1` helpers, each of which calls `help` on that memory; called when there is work for them */
  constructor({ size, start }: { size: number; start: (control: SharedArrayBuffer) => void }) {
    this.size = size
    this.#start = start
  }

  /**
   * The numbers that came out, zeros where no piece wrote any. Undefined when it was not done, or not whole: the call does not
   * fit, or a piece threw. `call` goes through JSON.
   */
  run<C>(
    call: C,
    { pieces, numbers }: { pieces: number; numbers: number },
    doPiece: DoPiece<C>
  ): Float64Array | undefined {
    const text = new TextEncoder().encode(JSON.stringify(call))
    if (text.byteLength > TEXT_BYTES || numbers > NUMBERS) return undefined
    if (!this.#started) this.#start(this.#control)
    this.#started = true
    new Uint8Array(this.#control, TEXT_AT).set(text)
    const out = this.#numbers.subarray(0, numbers).fill(0)
    const words = this.#words
    for (const [word, value] of [
      [WORD.text, text.byteLength],
      [WORD.pieces, pieces],
      [WORD.next, 0],
      [WORD.failed, 0]
    ])
      Atomics.store(words, word, value)
    const number = Atomics.load(words, WORD.call) + 1
    Atomics.store(words, WORD.open, number)
    Atomics.store(words, WORD.call, number)
    Atomics.notify(words, WORD.call)
    takePieces(words, this.#numbers, call, doPiece)
    Atomics.store(words, WORD.open, 0)
    for (let busy = Atomics.load(words, WORD.busy); busy > 0; busy = Atomics.load(words, WORD.busy)) {
      Atomics.wait(words, WORD.busy, busy)
    }
    return Atomics.load(words, WORD.failed) === 0 ? out.slice() : undefined
  }
}

/** A helper's whole life: does pieces of call after call, until its thread is ended. */
export function help<C>(control: SharedArrayBuffer, doPiece: DoPiece<C>): never {
  const words = new Int32Array(control, 0, TEXT_AT / 4)
  const numbers = new Float64Array(control, NUMBERS_AT, NUMBERS)
  for (let seen = 0; ;) {
    Atomics.wait(words, WORD.call, seen)
    seen = Atomics.load(words, WORD.call)
    Atomics.add(words, WORD.busy, 1)
    try {
      // whoever is counted before the call is closed is waited for; whoever is late finds it closed
      if (Atomics.load(words, WORD.open) === seen) takePieces(words, numbers, callOf<C>(control, words), doPiece)
    } catch {
      Atomics.store(words, WORD.failed, 1)
    }
    if (Atomics.sub(words, WORD.busy, 1) === 1) Atomics.notify(words, WORD.busy)
  }
}

function takePieces<C>(
  words: Int32Array<SharedArrayBuffer>,
  numbers: Float64Array,
  call: C,
  doPiece: DoPiece<C>
): void {
  const pieces = Atomics.load(words, WORD.pieces)
  for (let piece = next(words); piece < pieces; piece = next(words)) {
    try {
      doPiece(call, piece, numbers)
    } catch {
      Atomics.store(words, WORD.failed, 1)
    }
  }
}

function next(words: Int32Array<SharedArrayBuffer>): number {
  return Atomics.add(words, WORD.next, 1)
}

function callOf<C>(control: SharedArrayBuffer, words: Int32Array<SharedArrayBuffer>): C {
  // a decoder takes no shared memory
  const text = new Uint8Array(control, TEXT_AT, Atomics.load(words, WORD.text)).slice()
  return JSON.parse(new TextDecoder().decode(text)) as C
}
