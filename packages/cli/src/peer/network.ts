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
const TOPIC = 'run'

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
    bootstrap: options.join,
    mdns: options.mdns,
    ...(options.upnp && { upnp: [] }),
    dht: options.dht,
    relay: options.relay,
    via: options.via,
    addressBook,
    topic: TOPIC,
    ...transportOf(plan),
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
