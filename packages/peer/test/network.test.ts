import { Arena, type Mesh } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { NetworkMesh, NetworkMeshInit } from '@peergrad/peer'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { meshCompliance, type MeshUnderTest } from '../../../test/compliance/mesh.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-network-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
/** Joins the others through the bootstrap addresses. */
async function start(init: Partial<NetworkMeshInit>, others: readonly MeshUnderTest[]): Promise<MeshUnderTest> {
  const arena = Arena.create({ bytes: 32 << 20 })
  const settings = {
    identityFile: join(folder, `key-${count++}`),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topic: 'compliance',
    memory: arena.memory,
    ...init
  }
  const open = (mesh: NetworkMesh): MeshUnderTest => ({
    mesh,
    arena,
    kill: () => mesh.close(),
    comeBack: async () => {
      const alive = others.filter((peer) => peer.mesh.self !== mesh.self)
      const bootstrap = await alive[0].mesh.addresses()
      const again = await createNetworkMesh({ ...settings, bootstrap })
      await Promise.all([meets(again, 2), ...alive.map((peer) => meets(peer.mesh, 2))])
      return open(again)
    }
  })
  return open(await createNetworkMesh(settings))
}

async function meets(mesh: Mesh, others: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = () => mesh.connected().length >= others && resolve()
    mesh.on('connect', check)
    check()
  })
}

for (const fastLane of [false, true]) {
  const peers: MeshUnderTest[] = []
  meshCompliance(`over libp2p, ${fastLane ? 'fast' : 'stream'} lane`, {
    async create(total) {
      peers.push(await start({ fastLane }, peers))
      const bootstrap = await peers[0].mesh.addresses()
      const rest = Array.from({ length: total - 1 }, () => start({ fastLane, bootstrap }, peers))
      peers.push(...(await Promise.all(rest)))
      await Promise.all(peers.map(({ mesh }) => meets(mesh, total - 1)))
      return peers
    },
    async stranger() {
      const { mesh } = await start({ topic: 'another run' }, [])
      for (const peer of peers) await mesh.dial((await peer.mesh.addresses())[0])
      return mesh
    }
  })
}
