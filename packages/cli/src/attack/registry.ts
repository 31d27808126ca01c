import type { Registry } from '@peergrad/core'
import { networkAttacks } from '@peergrad/peer'
import { attacks as inMemory } from '@peergrad/strategies'

/** All built-in attacks. Those at the end need a real network below the mesh (`WireAttack.transport`). */
export const attacks: Registry = {
  kind: 'attack',
  entries: new Map([...inMemory.entries, ...networkAttacks.entries])
}
