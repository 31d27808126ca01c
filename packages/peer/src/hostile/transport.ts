import type { Libp2pOptions } from 'libp2p'
import { tcp } from '../bundled/libp2p.js'

export type TransportFactory = NonNullable<Libp2pOptions['transports']>[number]

/** What a libp2p node is made of: the streams that its other parts open and accept go through here. */
export type Components = Parameters<TransportFactory>[0]

/**
 * TCP, and in the same thread something that is not in order with the node around it. What a hostile module of
 * `WireAttack.transport` exports.
 */
export function beside(misbehave: (components: Components) => void): () => TransportFactory {
  return () => (components) => {
    misbehave(components)
    return tcp()(components)
  }
}

type Handler = Parameters<Components['registrar']['handle']>[1]

/** Puts `disguise(honest)` in the place of whatever answers on a protocol. */
export function answering({ registrar }: Components, protocol: string, disguise: (honest: Handler) => Handler): void {
  const handle = registrar.handle.bind(registrar)
  registrar.handle = (name, handler, options) => handle(name, name === protocol ? disguise(handler) : handler, options)
}
