import type { Digest } from '@peergrad/core'

export interface ServedTensor {
  readonly digest: Digest
  readonly bytes: Uint8Array
}

interface Entry extends ServedTensor {
  readers: number
  idle: (() => void) | undefined
}

/** What this peer lets others fetch, and who still reads it. */
export class ServedTensors {
  readonly #entries = new Map<Digest, Entry>()

  serve(digest: Digest, bytes: Uint8Array): void {
    this.#entries.set(digest, { digest, bytes, readers: 0, idle: undefined })
  }

  /** No reader is let in from now on; resolves when the last one has left. */
  async unserve(digest: Digest): Promise<void> {
    const entry = this.#entries.get(digest)
    this.#entries.delete(digest)
    if (entry === undefined || entry.readers === 0) return
    await new Promise<void>((resolve) => {
      entry.idle = resolve
    })
  }

  /** Undefined when nothing of that digest is served, else what `work` came to. */
  async read<T>(digest: Digest, work: (tensor: ServedTensor) => Promise<T>): Promise<T | undefined> {
    const entry = this.#entries.get(digest)
    if (entry === undefined) return undefined
    entry.readers++
    try {
      return await work(entry)
    } finally {
      entry.readers--
      if (entry.readers === 0) entry.idle?.()
    }
  }
}
