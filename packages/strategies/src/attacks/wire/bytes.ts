import type { AttackContext, WireAttack } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../../plugin-options.js'
import { leased, serving } from './serving.js'

const ELSEWHERE =
  'who reads it refuses it, takes it from another holder or goes on without; nobody aggregates such bytes'

/** Other bytes than those that were announced. */
export function wrongDigest(options: PluginOptions): WireAttack {
  return bytes('wrong-digest', options, 'serves other bytes than their digest says', (context) =>
    serving(context, (honest, { round }) => {
      const lease = round.store.lease(honest.length)
      for (let i = 0; i < honest.length; i++) lease.vector[i] = -honest[i]
      return leased(lease)
    })
  )
}

/** The first half of what was announced. */
export function truncated(options: PluginOptions): WireAttack {
  return bytes('truncated', options, 'serves the first half of what it announced', (context) =>
    serving(context, (honest) => ({ vector: honest.subarray(0, Math.ceil(honest.length / 2)) }))
  )
}

/** Twice what was announced. */
export function longer(options: PluginOptions): WireAttack {
  return bytes('longer', options, 'serves twice as many bytes as it announced', (context) =>
    serving(context, (honest, { round }) => {
      const lease = round.store.lease(2 * honest.length)
      lease.vector.set(honest)
      lease.vector.set(honest, honest.length)
      return leased(lease)
    })
  )
}

/** Announces, and holds nothing. */
export function withhold(options: PluginOptions): WireAttack {
  return bytes('withhold', options, 'announces its vectors and serves none of them', (context) =>
    serving(context, () => undefined)
  )
}

function bytes(
  name: string,
  options: PluginOptions,
  describe: string,
  arm: (context: AttackContext) => ReturnType<WireAttack['arm']>
): WireAttack {
  checkNames(name, options, [])
  return { name, describe, holds: ELSEWHERE, level: 'payload', knows: name === 'withhold' ? [] : ['own'], arm }
}
