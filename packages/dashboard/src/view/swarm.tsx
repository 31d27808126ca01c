import type { Signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { Player } from '../player.js'
import { linksOf, type Link } from '../state/links.js'
import { SIGNS, standing } from '../state/standing.js'
import type { PeerState } from '../state/state.js'
import { bytes, shortName } from '../text.js'
import { EXTENT, layout, type Place } from './swarm-layout.js'

const MARGIN = 25

/** Who is linked to whom: wider for more bytes, dashed when it is closed. */
export function Swarm({
  player,
  selected
}: {
  readonly player: Player
  readonly selected: Signal<string | undefined>
}) {
  const state = player.state.value
  const links = linksOf(state)
  const ids = state.peers.map(({ id }) => id)
  // a new picture for a new swarm; links that close leave everybody in place
  const places = useMemo(
    () =>
      new Map(
        layout(
          ids,
          links.map(({ a, b }): [string, string] => [a.id, b.id])
        ).map((place) => [place.id, place])
      ),
    [ids.length, links.length]
  )
  const most = Math.max(1, ...links.map((link) => link.bytes ?? 0))
  const up = links.filter((link) => link.up).length
  const size = 2 * (EXTENT + MARGIN)
  return (
    <section aria-labelledby="swarm">
      <h2 id="swarm">Swarm</h2>
      <svg
        class="swarm"
        viewBox={`${-size / 2} ${-size / 2} ${size} ${size}`}
        role="img"
        aria-label={`${ids.length} peers, ${up} of ${links.length} links open; the table of bytes names each`}
      >
        {links.map((link) => (
          <LinkLine key={`${link.a.id} ${link.b.id}`} link={link} places={places} most={most} />
        ))}
        {state.peers.map((peer) => (
          <PeerNode key={peer.id} peer={peer} place={places.get(peer.id)} selected={selected} />
        ))}
      </svg>
      <p class="note">A wider line carried more bytes, a dashed one is closed. The sign in a peer is its state.</p>
    </section>
  )
}

interface LinkLineProps {
  readonly link: Link
  readonly places: ReadonlyMap<string, Place>
  readonly most: number
}

function LinkLine({ link, places, most }: LinkLineProps) {
  const [from, to] = [places.get(link.a.id), places.get(link.b.id)]
  if (from === undefined || to === undefined) return null
  const told = link.bytes === undefined ? 'bytes not told yet' : bytes(link.bytes)
  return (
    <line
      class={link.up ? 'link' : 'link closed'}
      x1={from.x}
      y1={from.y}
      x2={to.x}
      y2={to.y}
      stroke-width={0.5 + 3 * Math.sqrt((link.bytes ?? 0) / most)}
    >
      <title>{`${shortName(link.a.id)} – ${shortName(link.b.id)}: ${told}, ${link.up ? 'open' : 'closed'}`}</title>
    </line>
  )
}

interface PeerNodeProps {
  readonly peer: PeerState
  readonly place: Place | undefined
  readonly selected: Signal<string | undefined>
}

function PeerNode({ peer, place, selected }: PeerNodeProps) {
  if (place === undefined) return null
  const state = standing(peer)
  return (
    <g
      class={`peer ${state}${selected.value === peer.id ? ' selected' : ''}`}
      transform={`translate(${place.x} ${place.y})`}
      onClick={() => (selected.value = peer.id)}
    >
      <circle r="9" />
      <text class="sign" dy="0.35em">
        {SIGNS[state]}
      </text>
      <text class="name" y="17">
        {shortName(peer.id)}
      </text>
      <title>{`${shortName(peer.id)}: ${state}`}</title>
    </g>
  )
}
