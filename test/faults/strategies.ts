import type { StrategyFactory } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'

/** The whole of what takes minutes: with `PEERGRAD_FAULTS=all`. */
export const ALL = process.env['PEERGRAD_FAULTS'] === 'all'

/**
 * Names of the built-in strategies that run among peers, a new one by itself: all of them with `PEERGRAD_FAULTS=all`
 * (`pnpm test:faults:real`), which takes minutes for each, and otherwise the one given. The matrix on the virtual clock
 * always has all.
 */
export async function exchanging(otherwise: string): Promise<string[]> {
  const names: string[] = []
  for (const [name, { reference }] of strategies.entries) {
    const factory = ((await import(reference.module)) as Record<string, StrategyFactory>)[reference.export]
    if (factory?.({}).kind === 'exchange') names.push(name)
  }
  return ALL ? names : names.filter((name) => name === otherwise)
}
