import {
  controlMessages,
  controlRequests,
  type FetchRequest,
  type GradientStore,
  type Mesh,
  type MeshRequest
} from '@peergrad/core'
import { BroadcastChannel } from 'node:worker_threads'
import { replace } from '../sim/replace.js'
import { die } from './die.js'
import { CHANNEL, type BetweenThreads, type Moment, type Trap } from './protocol.js'

/** Ends this process at the moment for which a trap is set. */
export class Traps {
  #trap: Trap | undefined

  set(trap: Trap | undefined): void {
    this.#trap = trap
  }

  mesh(honest: Mesh): Mesh {
    return replace(honest, {
      announce: async (payload) => {
        const message = controlMessages.decode(payload)
        if (message.kind === 'manifest') {
          this.#at('before-announcing')
          this.#whenSent('sending', 4096)
          this.#whenSent('half-sent', message.length * 2)
        }
        if (message.kind === 'accept') this.#at('accepting')
        if (message.kind === 'prepare') this.#at('taking-over')
        await honest.announce(payload)
      },
      fetch: (request) => {
        const report = honest.fetch(request)
        void this.#whenHalf('syncing', request)
        return report
      },
      on: (type, listener) =>
        honest.on(type, (event) => {
          if (type === 'request' && asksForState(event as MeshRequest)) this.#at('donating')
          listener(event)
        })
    })
  }

  store(honest: GradientStore): GradientStore {
    return replace(honest, {
      aggregate: (request) => this.#merging(honest.aggregate(request)),
      // sums and weighted means are merged by it
      combine: (request) => this.#merging(honest.combine(request))
    })
  }

  async #merging(merging: Promise<void>): Promise<void> {
    this.#at('reducing')
    await merging
    this.#at('aggregated')
  }

  #at(moment: Moment): void {
    if (this.#trap?.moment === moment) die(this.#trap.lock)
  }

  /** The network thread counts what goes out. */
  #whenSent(moment: Moment, bytes: number): void {
    if (this.#trap?.moment !== moment) return
    const channel = new BroadcastChannel(CHANNEL)
    channel.postMessage({ type: 'die-after', bytes, lock: this.#trap.lock } satisfies BetweenThreads)
    channel.close()
    this.#trap = undefined
  }

  /** The bytes come by another thread into shared memory. */
  async #whenHalf(moment: Moment, { into }: FetchRequest): Promise<void> {
    if (this.#trap?.moment !== moment) return
    const middle = into.length >> 1
    into[middle] = NaN
    while (Number.isNaN(into[middle])) await new Promise((resolve) => setImmediate(resolve))
    this.#at(moment)
  }
}

function asksForState({ payload }: MeshRequest): boolean {
  return controlRequests.decode(payload).kind === 'donate'
}
