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
import { CHANNEL, type BetweenThreads, type Moment } from './protocol.js'

/** Ends this process, as `kill -9` does, when the moment for which it is set comes. */
export class Trap {
  #moment: Moment | undefined

  set(moment: Moment | undefined): void {
    this.#moment = moment
  }

  mesh(honest: Mesh): Mesh {
    return replace(honest, {
      announce: async (payload) => {
        const message = controlMessages.decode(payload)
        if (message.kind === 'manifest') {
          this.#at('before-announcing')
          if (this.#moment === 'sending') dieAfterBytes(1)
          if (this.#moment === 'half-sent') dieAfterBytes(message.length * 2)
        }
        if (message.kind === 'commit') this.#at('committing')
        if (message.kind === 'prepare') this.#at('taking-over')
        await honest.announce(payload)
      },
      fetch: (request) => {
        const report = honest.fetch(request)
        if (this.#moment === 'syncing') void this.#whenHalf(request)
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
      aggregate: async (request) => {
        const merging = honest.aggregate(request)
        this.#at('reducing')
        await merging
        this.#at('aggregated')
      }
    })
  }

  #at(moment: Moment): void {
    if (this.#moment === moment) process.kill(process.pid, 'SIGKILL')
  }

  /** The bytes come by another thread into shared memory. */
  async #whenHalf({ into }: FetchRequest): Promise<void> {
    const middle = into.length >> 1
    into[middle] = NaN
    while (Number.isNaN(into[middle])) await new Promise((resolve) => setImmediate(resolve))
    this.#at('syncing')
  }
}

function asksForState({ payload }: MeshRequest): boolean {
  return controlRequests.decode(payload).kind === 'donate'
}

/** The network thread counts what goes out. */
function dieAfterBytes(bytes: number): void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.postMessage({ type: 'die-after', bytes } satisfies BetweenThreads)
  channel.close()
}
