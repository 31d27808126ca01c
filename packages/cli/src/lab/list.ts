import { loadPlugin } from '@peergrad/core'
import { attacks } from '../attack/registry.js'

/** What `attack --list` says of one attack. */
export interface ListedAttack {
  readonly name: string
  readonly level: string
  readonly describe: string
  /** what a hostile peer is told for it */
  readonly knows: readonly string[]
  /** what must hold when a run is attacked so */
  readonly holds: string
  /** plays on a network in memory too */
  readonly simulated: boolean
}

export async function listAttacks(): Promise<ListedAttack[]> {
  return Promise.all(
    [...attacks.entries.values()].map(async ({ reference }) => {
      const attack = await loadPlugin('attack', reference)
      const { name, level, describe, knows, holds } = attack
      const simulated = !('transport' in attack) || attack.transport === undefined
      return { name, level, describe, knows, holds, simulated }
    })
  )
}

/** By level, a paragraph for each. */
export function attacksText(listed: readonly ListedAttack[]): string {
  return listed
    .map(({ name, level, describe, knows, holds, simulated }) =>
      [
        `${name}  (${level}${simulated ? '' : ', over real processes only'})`,
        `  ${describe}`,
        `  knows: ${knows.length === 0 ? 'nothing' : knows.join(', ')}`,
        `  must hold: ${holds}`
      ].join('\n')
    )
    .join('\n\n')
}
