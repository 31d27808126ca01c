import {
  controlMessages,
  replace,
  type AttackContext,
  type ControlMessage,
  type Digest,
  type Disguise,
  type Lease,
  type Mesh,
  type PeerId
} from '@peergrad/core'
import { Moment, type Turn } from '../disguise/moment.js'

/** What a hostile peer has at hand when its honest half is about to say something. */
export interface Speech extends Turn {
  /** what reaches the others as it is */
  readonly mesh: Mesh
}

/** Says what `say` makes of each message, in the rounds of the schedule. */
export function speaking(
  { schedule }: AttackContext,
  say: (message: ControlMessage, speech: Speech) => readonly ControlMessage[] | Promise<readonly ControlMessage[]>
): Disguise {
  const moment = new Moment(schedule)
  return {
    strategy: moment.follow,
    mesh: (mesh) => {
      const made = async (payload: Uint8Array, turn: Turn) =>
        (await say(controlMessages.decode(payload), { mesh, ...turn })).map((message) =>
          controlMessages.encode(message)
        )
      return replace(mesh, {
        async announce(payload) {
          const { turn } = moment
          if (turn === undefined) return mesh.announce(payload)
          for (const message of await made(payload, turn)) await mesh.announce(message)
        },
        tell(peer, payload) {
          const { turn } = moment
          if (turn === undefined) return mesh.tell(peer, payload)
          made(payload, turn).then(
            (messages) => messages.forEach((message) => mesh.tell(peer, message)),
            // what it cannot make up it does not say
            () => undefined
          )
        }
      })
    }
  }
}

/** Honest members of the view, or those of them that the schedule names. */
export function victimsOf(
  { self, accomplices, schedule: { targets } }: AttackContext,
  { round }: Pick<Turn, 'round'>
): PeerId[] {
  return round.view.members.filter(
    (member) => member !== self && !accomplices.includes(member) && (targets.length === 0 || targets.includes(member))
  )
}

/** Vectors that nobody computed, one a round, served beside the honest ones to the end of the next round. */
export class Forgeries {
  readonly #digests = new Map<number, Promise<Digest>>()
  readonly #served = new Map<Digest, { readonly lease: Lease; until: number }>()

  /** Digest of the round's forgery, of so many words; `fill` writes it once. */
  digest(speech: Speech, words: number, fill: (vector: Lease['vector']) => void): Promise<Digest> {
    const { round } = speech.round
    let digest = this.#digests.get(round)
    if (digest === undefined) {
      this.#digests.set(round, (digest = this.#forge(speech, words, fill)))
      this.#digests.delete(round - 2)
      this.#retire(round, speech.mesh)
    }
    return digest
  }

  async #forge({ round, mesh }: Speech, words: number, fill: (vector: Lease['vector']) => void): Promise<Digest> {
    const { store } = round
    const key = round.key('forgery')
    const blank = store.lease(words)
    fill(blank.vector)
    await store.put(key, blank)
    const digest = await store.digest(key)
    const until = round.round + 1
    const served = this.#served.get(digest)
    if (served !== undefined) {
      served.until = until
      return digest
    }
    const lease = await store.get(key)
    this.#served.set(digest, { lease, until })
    mesh.serve(digest, lease.vector)
    return digest
  }

  #retire(round: number, mesh: Mesh): void {
    for (const [digest, { lease, until }] of this.#served) {
      if (until >= round) continue
      this.#served.delete(digest)
      const release = () => lease.release()
      mesh.unserve(digest).then(release, release)
    }
  }
}
