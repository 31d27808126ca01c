import type { Upgrader } from '@libp2p/interface'
import type { AddressManager, Registrar, TransportManager } from '@libp2p/interface-internal'

/** Parts of a libp2p node that it gives to its services only. */
export interface Internals {
  readonly addressManager: AddressManager
  readonly transportManager: TransportManager
  readonly registrar: Registrar
  readonly upgrader: Upgrader
}

/** A service that hands them out. */
export function internals({ addressManager, transportManager, registrar, upgrader }: Internals): Internals {
  return { addressManager, transportManager, registrar, upgrader }
}
