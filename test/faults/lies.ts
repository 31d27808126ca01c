import type { Mesh } from '@peergrad/core'
import { createHash } from 'node:crypto'
import { heard } from '../sim/heard.js'
import { replace } from '../sim/replace.js'

/**
 * Counts what a hostile peer says that its honest half did not, and what that half said and nobody was told: messages, answers,
 * and who may read. One of the two meshes is below the disguise, the other one on top of it.
 */
export class Lies {
  readonly #balance = new Map<string, number>()

  /** What the network is told. */
  below(network: Mesh): Mesh {
    return this.#heard(network, 1)
  }

  /** What the honest half tells. */
  above(disguised: Mesh): Mesh {
    return this.#heard(disguised, -1)
  }

  get count(): number {
    return [...this.#balance.values()].reduce((sum, times) => sum + Math.abs(times), 0)
  }

  #heard(mesh: Mesh, by: 1 | -1): Mesh {
    const hear = (what: string, payload: Uint8Array | string) => {
      const key = createHash('sha256').update(`${what} `).update(payload).digest('hex')
      const times = (this.#balance.get(key) ?? 0) + by
      if (times === 0) this.#balance.delete(key)
      else this.#balance.set(key, times)
    }
    const listening = heard(mesh, {
      said: (payload, to = 'all') => hear(`said ${to}`, payload),
      answered: (payload, to) => hear(`answered ${to}`, payload)
    })
    return replace(listening, {
      admit(peers) {
        hear('admitted', peers.join())
        mesh.admit(peers)
      }
    })
  }
}
