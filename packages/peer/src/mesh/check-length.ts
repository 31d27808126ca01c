import { CONTROL_LIMIT, PeergradError } from '@peergrad/core'

/** Error `argument` when it is longer than the mesh carries; `advice` says what to do. */
export function checkLength(what: string, { byteLength }: Uint8Array, limit: number, advice = ''): void {
  if (byteLength <= limit) return
  throw new PeergradError('argument', `${what}: got ${byteLength} bytes, expected at most ${limit}${advice}`)
}

export function checkControl(payload: Uint8Array): void {
  checkLength('control message', payload, CONTROL_LIMIT, '; serve larger things and announce their digest')
}
