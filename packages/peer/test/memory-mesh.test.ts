import { Arena, systemClock } from '@peergrad/core'
import { MemoryNetwork } from '@peergrad/peer'
import { meshCompliance } from '../../../test/compliance/mesh.js'

meshCompliance('in memory', async (peers) => {
  const network = new MemoryNetwork({ clock: systemClock() })
  const members = Array.from({ length: peers }, (_, index) => {
    const arena = Arena.create({ bytes: 32 << 20 })
    const mesh = network.join(`memory${index}`.padEnd(16, 'x'))
    return { mesh, arena, kill: () => mesh.close() }
  })
  const [first, ...rest] = members
  for (const { mesh } of rest) await mesh.dial((await first.mesh.addresses())[0])
  return members
})
