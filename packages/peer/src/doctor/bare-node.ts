import { temporaryIdentity, type Identity } from '../network/identity.js'
import { createNode, type NetworkNode } from '../network/node.js'
import { LocalAddresses } from '../network/reach/local-addresses.js'

/** A started node that dials as a peer does, with a key that is kept nowhere, and takes part in no run. */
export async function bareNode(listen: readonly string[]): Promise<{ node: NetworkNode; identity: Identity }> {
  const identity = await temporaryIdentity()
  const node = await createNode({
    identity,
    listen,
    bootstrap: [],
    mdns: false,
    topic: 'doctor',
    transport: undefined,
    score: () => 0,
    denies: () => false,
    excluded: () => false,
    local: new LocalAddresses(),
    relay: undefined,
    upnp: undefined,
    dht: false
  })
  await node.start()
  return { node, identity }
}
