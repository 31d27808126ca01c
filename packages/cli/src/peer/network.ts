import type { Arena, Logger, Options } from '@peergrad/core'
import { createNetworkMesh, type NetworkMesh } from '@peergrad/peer'
import type { AttackPlan } from '../attack/plan.js'

export interface NetworkInit {
  readonly options: Options
  readonly identity: string
  /** file where it is kept who was there */
  readonly addressBook: string
  /** of a hostile peer, which may speak in its own way below the mesh too */
  readonly plan?: AttackPlan | undefined
  readonly arena: Arena
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** One for all runs: peers of another run must be heard, to be told the field in which theirs differs. */
export const TOPIC = 'run'

/**
 * An address of a host and no peer, as services in a cluster have: whoever answers there is asked about the run. libp2p looks
 * for peers of known ids only.
 */
function isAnonymous(address: string): boolean {
  return /^\/(ip4|ip6|dns[46]?)\/[^/]+\/tcp\/\d+$/.test(address)
}

/** Joins the network: resolves when this peer listens. */
export function openMesh({
  options,
  identity,
  addressBook,
  plan,
  arena,
  logger,
  signal
}: NetworkInit): Promise<NetworkMesh> {
  return createNetworkMesh({
    identityFile: identity,
    listen: listenAddresses(options),
    bootstrap: options.join.filter((address) => !isAnonymous(address)),
    mdns: options.mdns,
    ...(options.upnp && { upnp: [] }),
    dht: options.dht,
    relay: options.relay,
    via: options.via,
    addressBook,
    topic: TOPIC,
    ...transportOf(plan),
    counts: options.metrics !== undefined,
    memory: arena.memory,
    signal,
    logger
  })
}

/** Where a peer with these options listens. */
export function listenAddresses({ listen, port }: Options): readonly string[] {
  return listen.length > 0 ? listen : [`/ip4/0.0.0.0/tcp/${port}`]
}

/** Sockets beside the transport would be honest. */
function transportOf(plan: AttackPlan | undefined) {
  const transport = plan && 'transport' in plan.attack ? plan.attack.transport : undefined
  return transport === undefined ? {} : { transport, fastLane: false }
}
