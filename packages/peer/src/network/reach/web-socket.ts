import { WebSocket, webSockets } from '../../bundled/libp2p.js'

/** WebSockets beside TCP, for peers behind what lets only the web through. libp2p dials with a global that Node 20 lacks. */
export const webSocketTransport = () => {
  if (!('WebSocket' in globalThis)) {
    Object.defineProperty(globalThis, 'WebSocket', { configurable: true, writable: true, value: WebSocket })
  }
  return webSockets()
}
