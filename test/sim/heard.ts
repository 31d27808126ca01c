import { replace, type Mesh, type MeshRequest, type PeerId } from '@peergrad/core'

/** What is told of a mesh. */
interface Ears {
  /** a message, to one peer or to all */
  said(payload: Uint8Array, to?: PeerId): void
  /** an answer to a request */
  answered(payload: Uint8Array, to: PeerId): void
}

/** The mesh, with what goes out through it told to those who listen. */
export function heard(mesh: Mesh, { said, answered }: Ears): Mesh {
  return replace(mesh, {
    announce(payload) {
      said(payload)
      return mesh.announce(payload)
    },
    tell(peer, payload) {
      said(payload, peer)
      mesh.tell(peer, payload)
    },
    on: (type, listener) =>
      mesh.on(type, (event) => {
        if (type !== 'request') return listener(event)
        const request = event as MeshRequest
        const respond = (payload: Uint8Array) => {
          answered(payload, request.from)
          request.respond(payload)
        }
        listener(replace(request, { respond }) as typeof event)
      })
  })
}
