import {
  controlAnswers,
  controlMessages,
  type ControlAnswer,
  type ControlMessage,
  type Disguise,
  type Mesh,
  type MeshEvents
} from '@peergrad/core'
import { heard } from './heard.js'

/** What a peer lets out to the others: a message, an answer, a vector. */
export type Deed =
  ControlMessage | ControlAnswer | ({ readonly kind: 'served' } & MeshEvents['served']) | { readonly kind: 'garbage' }

/** The disguise over a mesh that writes down what goes out through it. */
export function overheard(disguise: Disguise = {}): { readonly disguise: Disguise; readonly deeds: readonly Deed[] } {
  const deeds: Deed[] = []
  const mesh = (network: Mesh): Mesh => {
    network.on('served', (served) => void deeds.push({ kind: 'served', ...served }))
    const listening = heard(network, {
      said: (payload) => deeds.push(messageOf(payload)),
      answered: (payload) => deeds.push(controlAnswers.decode(payload))
    })
    return disguise.mesh?.(listening) ?? listening
  }
  return { disguise: { ...disguise, mesh }, deeds }
}

function messageOf(payload: Uint8Array): Deed {
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
