import type { Arena, Logger, Mesh, Options } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { AttackPlan } from '../attack/plan.js'

export interface NetworkInit {
  readonly options: Options
  readonly identity: string
  /** of a hostile peer, which may speak in its own way below the mesh too */
  readonly plan?: AttackPlan | undefined
  readonly arena: Arena
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** One for all runs: peers of another run must be heard, to be told the field in which theirs differs. */
const TOPIC = 'run'

/** Joins the network: resolves when this peer listens. */
export function openMesh({ options, identity, plan, arena, logger, signal }: NetworkInit): Promise<Mesh> {
  return createNetworkMesh({
    identityFile: identity,
    listen: listenAddresses(options),
    bootstrap: options.join,
    mdns: options.mdns,
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
