import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { beside, type Components, type TransportFactory } from './transport.js'

/** Bytes at the end of an envelope. */
const SIGNATURE = 64

/** Passes on what others announced with the last byte before the signature changed, in their names. */
const tampering: () => TransportFactory = beside((components) => {
  const { events } = components
  let listening = false
  events.addEventListener('peer:identify', () => {
    const pubsub = pubsubOf(components)
    if (listening || pubsub === undefined) return
    listening = true
    pubsub.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
      const forged = msg.data.slice()
      forged[forged.length - SIGNATURE - 1] ^= 1
      void pubsub.publish(msg.topic, forged).catch(() => undefined)
    })
  })
})

/** Services stand among the components, by their names. */
function pubsubOf(components: Components): GossipSub | undefined {
  return Reflect.get(components, 'pubsub') as GossipSub | undefined
}

export default tampering
