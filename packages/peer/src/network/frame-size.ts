/** On a fast link large frames cost least: of 64, 256 and 512 KiB the last won under `pnpm bench transfer`. */
const BYTES = { least: 16 * 1024, most: 512 * 1024 }
/** A frame shall be on its way for no longer; one that takes less than the shorter time could be larger. */
const MILLISECONDS = { short: 10, long: 50 }

/**
 * How much is handed to the transport at once, by how fast it is taken. Beats and requests on the same connection wait
 * behind a frame, and yamux delivers it as a whole: 512 KiB would keep a link of 1 Mbit/s silent for four seconds.
 */
export class FrameSize {
  #bytes = BYTES.least

  get bytes(): number {
    return this.#bytes
  }

  /** A frame was taken in so many milliseconds. */
  took(milliseconds: number): void {
    if (milliseconds < MILLISECONDS.short) this.#bytes = Math.min(BYTES.most, 2 * this.#bytes)
    else if (milliseconds > MILLISECONDS.long) this.#bytes = Math.max(BYTES.least, this.#bytes / 2)
  }
}
