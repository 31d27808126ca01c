import type { ErrorCode, PeergradError } from '@peergrad/core'

const ALWAYS: ReadonlySet<ErrorCode> = new Set(['full', 'crashed', 'internal'])
/** Said by the own store too: of its password, of what it holds, of what it cannot do. */
const UNLESS_OF_PEERS: ReadonlySet<ErrorCode> = new Set(['refused', 'corrupt', 'unsupported'])

/** Whether this peer's own parts cannot go on: no other peer will do better. Errors of others name them as `peers`. */
export function isOwnFault({ code, data }: PeergradError): boolean {
  return ALWAYS.has(code) || (UNLESS_OF_PEERS.has(code) && data['peers'] === undefined)
}
