import { PeergradError } from '@peergrad/core'

/** Error `missing`: the server lost them, or somebody else deleted them. */
export function notOnServer(names: readonly string[], cause?: PeergradError): PeergradError {
  const message = `store: not on the server any more: ${names.map((name) => `"${name}"`).join(', ')}`
  return new PeergradError('missing', message, { keys: [...names], lost: true }, { cause })
}
