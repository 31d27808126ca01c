import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { peerOfKey } from '@peergrad/peer'
import { identitiesOf, type AttackPlan } from '../attack/plan.js'
import { directory } from '../files.js'
import { onePeer, type PeerEnd, type PeerInit } from './peer.js'

/**
 * All peers that this process is: one, or as many as its attack says, each with a key and a directory of its own below that
 * of the first. The first one speaks for the process; the others end with it, and may be refused without a word.
 */
export async function allPeers(init: PeerInit): Promise<PeerEnd> {
  const { plan, options, out } = init
  if (plan === undefined || identitiesOf(plan.attack) === 1) return onePeer(init)
  if (options.join.length === 0) {
    throw new PeergradError('argument', `attack ${plan.attack.name}: got no --join, expected the run that it comes to`)
  }
  const directories = Array.from({ length: identitiesOf(plan.attack) }, (_, index) =>
    index === 0 ? out : join(out, `identity-${index + 1}`)
  )
  const keys = directories.map((own, index) =>
    index === 0 && options.identity !== undefined ? options.identity : join(directory(own), 'identity.key')
  )
  const ids = await Promise.all(keys.map((key) => peerOfKey(key)))
  const planOf = (index: number): AttackPlan => {
    return { ...plan, accomplices: [...plan.accomplices, ...ids.filter((_, other) => other !== index)] }
  }
  const [first, ...others] = directories.map((own, index) =>
    onePeer({
      ...init,
      ...(index > 0 && {
        speaks: () => false,
        onListening: () => {},
        onJoinable: () => {},
        onWaiting: () => {},
        onEvent: () => {}
      }),
      out: own,
      options: {
        ...options,
        identity: keys[index],
        ...(index > 0 && { port: 0, metrics: undefined })
      },
      plan: planOf(index)
    })
  )
  for (const other of others) other.catch(() => undefined)
  return first
}
