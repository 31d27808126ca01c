import { replace, type AttackContext, type Digest, type Disguise, type Lease, type Vector } from '@peergrad/core'
import { Moment, type Turn } from '../disguise/moment.js'

/** What stands under a digest in the place of a vector, and what takes it back. */
export interface Served {
  readonly vector: Vector
  release?(): void
}

/** Serves what `forge` makes of each vector, in the rounds of the schedule; nothing when it makes nothing. */
export function serving(
  { schedule }: AttackContext,
  forge: (honest: Vector, turn: Turn) => Served | undefined
): Disguise {
  const moment = new Moment(schedule)
  return {
    strategy: moment.follow,
    mesh(mesh) {
      const forged = new Map<Digest, Served>()
      return replace(mesh, {
        serve(digest, vector) {
          const { turn } = moment
          if (turn === undefined) return mesh.serve(digest, vector)
          const served = forge(vector, turn)
          if (served === undefined) return
          forged.set(digest, served)
          mesh.serve(digest, served.vector)
        },
        async unserve(digest) {
          await mesh.unserve(digest)
          forged.get(digest)?.release?.()
          forged.delete(digest)
        }
      })
    }
  }
}

/** A leased vector to be served. */
export function leased(lease: Lease): Served {
  return { vector: lease.vector, release: () => lease.release() }
}
