import { Arena, systemClock } from '@peergrad/core'
import { MemoryNetwork } from '@peergrad/peer'
import { meshCompliance, type MeshUnderTest } from '../../../test/compliance/mesh.js'

const network = new MemoryNetwork({ clock: systemClock() })
const arenas = new Map<string, Arena>()

function join(self: string): MeshUnderTest {
  const arena = arenas.get(self) ?? Arena.create({ bytes: 32 << 20 })
  arenas.set(self, arena)
  const mesh = network.join(self)
  return {
    mesh,
    arena,
    kill: () => mesh.close(),
    comeBack: async () => {
      const again = join(self)
      for (const other of arenas.keys()) if (other !== self) await again.mesh.dial(`/memory/${other}`)
      return again
    }
  }
}

meshCompliance('in memory', {
  async create(peers) {
    const members = Array.from({ length: peers }, (_, index) => join(`memory${index}`.padEnd(16, 'x')))
    const [first, ...rest] = members
    for (const { mesh } of rest) await mesh.dial((await first.mesh.addresses())[0])
    return members
  },
  stranger: async () => network.join('a stranger')
})
