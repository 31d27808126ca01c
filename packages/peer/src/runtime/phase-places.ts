import type { PhasePlaces, StoreCapabilities, StoreRule, Strategy } from '@peergrad/core'

/** Where the work of each phase is done, with a rule that databases call `rule`. */
export function phasePlaces(
  { denseInStore, rules }: StoreCapabilities,
  { combines = false }: Pick<Strategy, 'combines'>,
  rule: StoreRule | undefined
): PhasePlaces {
  const dense = denseInStore ? 'database' : 'peer'
  const inStore = rules === 'any' || (!combines && rule !== undefined && rules.includes(rule.name))
  return {
    compute: 'engine',
    store: 'database',
    average: dense,
    wait: 'network',
    fetch: 'network',
    aggregate: inStore ? 'database' : 'peer',
    agree: 'network',
    update: dense,
    sync: 'network'
  }
}
