import { deferred, onAbort } from '../deferred.js'
import type { PeerParts } from './peer-parts.js'
import type { Presence } from './presence.js'
import type { Here } from './standing.js'

/** Milliseconds that the last round is kept for those that still fetch it. */
const LINGER = 10_000

/** Stays for those that still fetch what the last round decided. */
export async function linger(parts: PeerParts, presence: Presence, signal: AbortSignal): Promise<void> {
  const { init, roster, followers } = parts
  const { clock, swarm } = init
  const { self } = swarm.mesh
  const { round, view } = presence.here as Here
  const others = () => new Set([...view.members, ...followers.peers])
  const behind = () =>
    [...others()].some((peer) => peer !== self && !roster.suspects(peer) && presence.round(peer) < round)
  if (signal.aborted) return
  const over = deferred<void>()
  const look = () => {
    if (!behind()) over.resolve()
  }
  const off = [
    roster.on('suspect', look),
    roster.on('lost', look),
    swarm.mesh.on('beat', look),
    clock.after(LINGER, over.resolve),
    onAbort(signal, over.resolve)
  ]
  look()
  await over.promise
  for (const end of off) end()
}
