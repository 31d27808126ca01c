import { PeergradError } from '@peergrad/core'
import type { Libp2pOptions } from 'libp2p'
import { tcp } from '../bundled/libp2p.js'

type TransportFactory = NonNullable<Libp2pOptions['transports']>[number]

/** TCP, or what the default export of the module at `url` makes. Error `argument` when it makes none. */
export async function loadTransport(url: string | undefined): Promise<TransportFactory> {
  if (url === undefined) return tcp()
  try {
    const module = (await import(url)) as { readonly default: () => TransportFactory }
    return module.default()
  } catch (cause) {
    const reason = PeergradError.from(cause).message
    const message = `transport: got ${url}, expected a module whose default export makes a libp2p transport: ${reason}`
    throw new PeergradError('argument', message, { transport: url }, { cause })
  }
}
