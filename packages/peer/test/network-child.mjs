/** A peer in a process of its own: says where it is, and what it sees. */
import { Arena } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'

const arena = Arena.create({ bytes: 8 << 20 })
const mesh = await createNetworkMesh({ ...JSON.parse(process.argv[2]), memory: arena.memory })
const vector = arena.allocate(1_000_000).fill(1)
mesh.serve('ab'.repeat(32), vector)
mesh.on('connect', async ({ peer }) => {
  mesh.admit(mesh.connected())
  // answered by the network thread after it has admitted
  await mesh.addresses()
  process.send({ connect: peer })
})
// as peers do: whose beats stay away is hung up on within seconds
setInterval(() => mesh.beat(Uint8Array.of(1)), 500)
mesh.on('disconnect', ({ peer }) => process.send({ disconnect: peer }))
mesh.on('message', ({ payload }) => process.send({ message: Buffer.from(payload).toString() }))
process.on('message', () => void mesh.announce(Buffer.from('from the child')))
process.send({ self: mesh.self, addresses: await mesh.addresses() })
