import { loadPlugin, reading, type PluginReference } from '@peergrad/core'
import { attacks } from '../attack/registry.js'

/** What `attack --list` says of one attack. */
export interface ListedAttack {
  readonly name: string
  readonly level: string
  readonly describe: string
  /** names of its options */
  readonly options: readonly string[]
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
      return { name, level, describe, options: await optionsOf(reference), knows, holds, simulated }
    })
  )
}

/** What the factory of a built-in attack reads when it is given nothing. */
async function optionsOf({ module, export: exported }: PluginReference): Promise<string[]> {
  const factories = (await import(module)) as Readonly<Record<string, (options: object) => unknown>>
  return [...reading(factories[exported], {}).read]
}

/** By level, a paragraph for each. */
export function attacksText(listed: readonly ListedAttack[]): string {
  return listed
    .map(({ name, level, describe, options, knows, holds, simulated }) =>
      [
        `${name}  (${level}${simulated ? '' : ', over real processes only'})`,
        `  ${describe}`,
        ...(options.length === 0 ? [] : [`  options: ${options.join(', ')}`]),
        `  knows: ${knows.length === 0 ? 'nothing' : knows.join(', ')}`,
        `  must hold: ${holds}`
      ].join('\n')
    )
    .join('\n\n')
}
