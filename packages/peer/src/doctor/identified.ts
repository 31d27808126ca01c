import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import { deferred, type Deferred } from '../deferred.js'

/** What the other end of each connection says of itself, and of where it sees this one (libp2p's identify). */
export class Identified {
  readonly #said = new Map<string, Deferred<IdentifyResult>>()

  constructor(node: Pick<Libp2p, 'addEventListener'>) {
    node.addEventListener('peer:identify', ({ detail }) => this.#by(detail.connection).resolve(detail))
  }

  /** Undefined when it says nothing within the milliseconds. */
  by(connection: Connection, patience: number): Promise<IdentifyResult | undefined> {
    return Promise.race([this.#by(connection).promise, delay(patience, undefined, { ref: false })])
  }

  #by({ id }: Connection): Deferred<IdentifyResult> {
    const said = this.#said.get(id) ?? deferred<IdentifyResult>()
    this.#said.set(id, said)
    return said
  }
}
