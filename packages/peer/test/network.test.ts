import { Arena } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { NetworkMesh, NetworkMeshInit } from '@peergrad/peer'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { meshCompliance } from '../../../test/compliance/mesh.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-network-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
async function start(init: Partial<NetworkMeshInit>) {
  const arena = Arena.create({ bytes: 32 << 20 })
  const mesh = await createNetworkMesh({
    identityFile: join(folder, `key-${count++}`),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topic: 'compliance',
    memory: arena.memory,
    ...init
  })
  return { mesh, arena, kill: () => mesh.close() }
}

async function meets(mesh: NetworkMesh, others: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = () => mesh.connected().length >= others && resolve()
    mesh.on('connect', check)
    check()
  })
}

for (const fastLane of [false, true]) {
  meshCompliance(`over libp2p, ${fastLane ? 'fast' : 'stream'} lane`, async (peers) => {
    const first = await start({ fastLane })
    const bootstrap = await first.mesh.addresses()
    const rest = await Promise.all(Array.from({ length: peers - 1 }, () => start({ fastLane, bootstrap })))
    await Promise.all([first, ...rest].map(({ mesh }) => meets(mesh, peers - 1)))
    return [first, ...rest]
  })
}
