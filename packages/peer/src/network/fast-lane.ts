import { once } from 'node:events'
import { connect, createSecureContext, createServer } from 'node:tls'
import type { SecureContext, Server, TLSSocket } from 'node:tls'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { generateCertificate, verifyPeerCertificate } from '../bundled/tls.js'
import type { Identity } from './identity.js'
import { TlsWire } from './tls-wire.js'

/** A connection that is not authenticated by then is closed. */
const HANDSHAKE_MILLISECONDS = 5000
/** Sockets in all, those that have not proved anything included. */
const CONNECTION_LIMIT = 8192

/**
 * Direct TLS 1.3 sockets. Both ends show the certificate of the libp2p TLS specification: self-signed by a throw-away
 * key, with a signature of that key by the peer's identity, so a socket is as authentic as a libp2p connection.
 */
export class FastLane {
  /** of every socket that is dialled: one made for each would stay in native memory until it is collected */
  readonly #context: SecureContext
  readonly #server: Server
  readonly #sockets = new Set<TLSSocket>()

  /** `accept` is given each socket that proved its peer, before a byte of it is read. */
  static async create(identity: Identity, accept: (wire: TlsWire) => void): Promise<FastLane> {
    return new FastLane(await generateCertificate(identity.libp2pKey), accept)
  }

  private constructor(credentials: { cert: string; key: string }, accept: (wire: TlsWire) => void) {
    this.#context = createSecureContext({ ...credentials, minVersion: 'TLSv1.3' })
    this.#server = createServer({
      ...credentials,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // no authority signs these certificates: `authenticate` checks them
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MILLISECONDS,
      noDelay: true
    })
    this.#server.maxConnections = CONNECTION_LIMIT
    this.#server.on('secureConnection', (socket) => {
      this.#keep(socket)
      authenticate(socket).then(accept, () => socket.destroy())
    })
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  /** A free port of the host. */
  async listen(host: string): Promise<number> {
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Rejects when the socket cannot be had, or when another peer is at its end. */
  async dial(peer: PeerId, host: string, port: number, signal: AbortSignal): Promise<TlsWire> {
    const socket = connect({ secureContext: this.#context, host, port, rejectUnauthorized: false })
    this.#keep(socket)
    socket.setNoDelay(true)
    try {
      await once(socket, 'secureConnect', { signal })
      return await authenticate(socket, peer)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #keep(socket: TLSSocket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // without a listener the error of a socket ends the process
    socket.on('error', () => socket.destroy())
  }
}

async function authenticate(socket: TLSSocket, expected?: PeerId): Promise<TlsWire> {
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer }
  if (raw === undefined) throw new PeergradError('refused', 'fast lane: the other side showed no certificate')
  const peer = await verifyPeerCertificate(raw, expected === undefined ? undefined : peerIdFromString(expected))
  return new TlsWire(socket, peer.toString())
}
