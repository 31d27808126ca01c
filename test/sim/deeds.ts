import {
  controlAnswers,
  controlMessages,
  replace,
  type ControlAnswer,
  type ControlMessage,
  type Disguise,
  type Mesh,
  type MeshEvents,
  type MeshRequest
} from '@peergrad/core'

/** What a peer lets out to the others: a message, an answer, a vector. */
export type Deed =
  ControlMessage | ControlAnswer | ({ readonly kind: 'served' } & MeshEvents['served']) | { readonly kind: 'garbage' }

/** The disguise over a mesh that writes down what goes out through it. */
export function overheard(disguise: Disguise = {}): { readonly disguise: Disguise; readonly deeds: readonly Deed[] } {
  const deeds: Deed[] = []
  const mesh = (network: Mesh): Mesh => {
    network.on('served', (served) => void deeds.push({ kind: 'served', ...served }))
    const heard = replace(network, {
      announce(payload) {
        deeds.push(said(payload))
        return network.announce(payload)
      },
      tell(peer, payload) {
        deeds.push(said(payload))
        network.tell(peer, payload)
      },
      on: (type, listener) =>
        network.on(type, (event) => {
          if (type !== 'request') return listener(event)
          const request = event as MeshRequest
          const respond = (payload: Uint8Array) => {
            deeds.push(controlAnswers.decode(payload))
            request.respond(payload)
          }
          listener(replace(request, { respond }) as typeof event)
        })
    })
    return disguise.mesh?.(heard) ?? heard
  }
  return { disguise: { ...disguise, mesh }, deeds }
}

function said(payload: Uint8Array): Deed {
  try {
    const message = controlMessages.decode(payload)
    // drawn anew in each run
    return message.kind === 'manifest' ? { ...message, life: 0 } : message
  } catch {
    return { kind: 'garbage' }
  }
}

/**
 * How the deeds differ from those of another run: how many of each kind are new, are done again, more often than there, or
 * are missing.
 */
export function changes(deeds: readonly Deed[], others: readonly Deed[]): Record<string, number> {
  const [here, there] = [timesOf(deeds), timesOf(others)]
  const found: Record<string, number> = {}
  for (const key of new Set([...here.keys(), ...there.keys()])) {
    const [times, before] = [here.get(key) ?? 0, there.get(key) ?? 0]
    if (times === before) continue
    const { kind } = JSON.parse(key) as Deed
    const what = `${kind} ${times < before ? 'missing' : before === 0 ? 'new' : 'again'}`
    found[what] = (found[what] ?? 0) + Math.abs(times - before)
  }
  return found
}

function timesOf(deeds: readonly Deed[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const deed of deeds) {
    const key = JSON.stringify(deed)
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  return times
}
