import { standing } from './standing.js'
import type { LinkEnd, PeerState, RunState } from './state.js'

export interface Link {
  readonly a: PeerState
  readonly b: PeerState
  readonly up: boolean
  /** both ways, all that is on it; undefined before anybody told */
  readonly bytes: number | undefined
}

const GONE = new Set(['lost', 'excluded', 'left'])

/** Each pair of peers of which one told of a link to the other. */
export function linksOf({ peers }: RunState): Link[] {
  const links: Link[] = []
  for (const [index, a] of peers.entries()) {
    for (const b of peers.slice(index + 1)) {
      const ends = [a.links.get(b.id), b.links.get(a.id)].filter((end) => end !== undefined)
      if (ends.length === 0) continue
      const gone = GONE.has(standing(a)) || GONE.has(standing(b))
      const counts = ends.flatMap(({ bytes }) => (bytes === undefined ? [] : [sentOf(bytes) + receivedOf(bytes)]))
      links.push({
        a,
        b,
        up: !gone && ends.every(({ connected }) => connected !== false),
        bytes: counts.length === 0 ? undefined : Math.max(...counts)
      })
    }
  }
  return links
}

type Counts = NonNullable<LinkEnd['bytes']>

export function sentOf({ tensorBytesSent, controlBytesSent }: Counts): number {
  return tensorBytesSent + controlBytesSent
}

export function receivedOf({ tensorBytesReceived, controlBytesReceived }: Counts): number {
  return tensorBytesReceived + controlBytesReceived
}

/** Bytes that went from one peer to another, as the sender counted them, or else the receiver. */
export function sentBetween(from: PeerState, to: PeerState): number | undefined {
  const own = from.links.get(to.id)?.bytes
  if (own !== undefined) return sentOf(own)
  const other = to.links.get(from.id)?.bytes
  return other && receivedOf(other)
}

/** Bytes of vectors that a peer counted on all its links; undefined before it told. */
export function vectorsOf({ links }: PeerState): { readonly sent: number; readonly received: number } | undefined {
  const told = [...links.values()].flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]))
  if (told.length === 0) return undefined
  return {
    sent: told.reduce((sum, { tensorBytesSent }) => sum + tensorBytesSent, 0),
    received: told.reduce((sum, { tensorBytesReceived }) => sum + tensorBytesReceived, 0)
  }
}
