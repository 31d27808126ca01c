import type { Arena, PeerId } from '@peergrad/core'
import type { NetworkMesh } from '@peergrad/peer'
import { expect } from 'vitest'

/** Resolves as soon as the peer is connected. */
export function meets(mesh: NetworkMesh, peer: PeerId): Promise<void> {
  return new Promise((resolve) => {
    const check = () => mesh.connected().includes(peer) && resolve()
    mesh.on('connect', check)
    check()
  })
}

/** Asserts that an announcement and a vector of so many floats get from one to the other; the lane is the vector's. */
export async function carries(from: NetworkMesh, to: NetworkMesh, arena: Arena, length: number) {
  const heard = new Promise((resolve) => to.on('message', ({ payload }) => resolve(Buffer.from(payload).toString())))
  await from.announce(Buffer.from('hello'))
  expect(await heard).toBe('hello')

  const vector = arena.allocate(length).fill(3)
  const into = arena.allocate(length)
  const digest = 'ab'.repeat(32)
  from.serve(digest, vector)
  from.admit([to.self])
  // answered by the network thread after it has admitted
  await from.addresses()
  const report = await to.fetch({ digest, bytes: into.byteLength, from: [from.self], into, deadline: 20_000 })
  expect(into.every((value) => value === 3)).toBe(true)
  return report.lane
}
