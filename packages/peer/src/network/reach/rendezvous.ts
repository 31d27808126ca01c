import { createHash } from 'node:crypto'
import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { CID, createMultihash } from '../../bundled/names.js'

/** Codes of multiformats: raw bytes, and SHA-256. */
const RAW = 0x55
const SHA_256 = 0x12
/** Milliseconds between two searches: often while the table fills, and later for newcomers. */
const PAUSE = { first: 1000, factor: 2, most: 60_000 }
const SEARCH_MILLISECONDS = 15_000

export interface RendezvousInit {
  readonly node: Libp2p
  readonly learn: (peer: PeerId, addresses: readonly Multiaddr[]) => Promise<void>
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Finds the peers of a run in the hash table of all peers that keep one, and says there that this one is of it. */
export class Rendezvous {
  readonly #init: RendezvousInit
  #key: CID | undefined
  #pause = PAUSE.first
  #next = 0
  #busy = false

  constructor(init: RendezvousInit) {
    this.#init = init
  }

  /** `run` is the run's id: peers of the same one meet. */
  open(run: string): void {
    const digest = createHash('sha256').update(`peergrad/run/${run}`).digest()
    this.#key = CID.createV1(RAW, createMultihash(SHA_256, digest))
  }

  look(now: number): void {
    if (this.#key === undefined || this.#busy || now < this.#next) return
    this.#busy = true
    this.#search(this.#key)
      .catch((thrown: unknown) => {
        this.#init.log({ error: PeergradError.from(thrown).message }, 'the hash table gave nothing')
      })
      .finally(() => {
        this.#busy = false
        this.#next = performance.now() + this.#pause
        this.#pause = Math.min(this.#pause * PAUSE.factor, PAUSE.most)
      })
  }

  async #search(key: CID): Promise<void> {
    const { node, learn } = this.#init
    const options = () => ({ signal: AbortSignal.timeout(SEARCH_MILLISECONDS) })
    // one table after the other: a node that knows nobody yet can say it to nobody
    await node.contentRouting.provide(key, options())
    for await (const { id, multiaddrs } of node.contentRouting.findProviders(key, options())) {
      void learn(id.toString(), multiaddrs)
    }
  }
}
