import type { StrategyFactory } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'

/** Names of all built-in strategies that run among peers: a new one is in every test here by its name. */
export async function exchanging(): Promise<string[]> {
  const names: string[] = []
  for (const [name, { reference }] of strategies.entries) {
    const factory = ((await import(reference.module)) as Record<string, StrategyFactory>)[reference.export]
    if (factory?.({}).kind === 'exchange') names.push(name)
  }
  return names
}
