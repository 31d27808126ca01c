import type { Arena, Logger, Mesh, Options } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'

export interface NetworkInit {
  readonly options: Options
  readonly identity: string
  readonly arena: Arena
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** One for all runs: peers of another run must be heard, to be told the field in which theirs differs. */
const TOPIC = 'run'

/** Joins the network: resolves when this peer listens. */
export function openMesh({ options, identity, arena, logger, signal }: NetworkInit): Promise<Mesh> {
  return createNetworkMesh({
    identityFile: identity,
    listen: options.listen.length > 0 ? options.listen : [`/ip4/0.0.0.0/tcp/${options.port}`],
    bootstrap: options.join,
    mdns: options.mdns,
    topic: TOPIC,
    memory: arena.memory,
    signal,
    logger
  })
}
