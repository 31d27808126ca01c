import type { ErrorCode, PeergradError } from '@peergrad/core'

const OWN: ReadonlySet<ErrorCode> = new Set(['full', 'crashed', 'internal'])

/** Whether this peer's own parts cannot go on: no other peer will do better. */
export function isOwnFault({ code }: PeergradError): boolean {
  return OWN.has(code)
}
