import type { Player } from '../player.js'
import type { Equipment, PeerState } from '../state/state.js'
import { shortName, shown } from '../text.js'

interface Group {
  readonly equipment: Equipment
  readonly peers: readonly PeerState[]
}

/** What computes and what stores, once for all peers that have the same. */
export function Parts({ player }: { readonly player: Player }) {
  return (
    <section aria-labelledby="parts">
      <h2 id="parts">Engine and store</h2>
      {grouped(player.state.value.peers).map(({ equipment, peers }) => (
        <dl key={JSON.stringify(equipment)} class="facts">
          <dt>Peers</dt>
          <dd>{peers.map(({ id }) => shortName(id)).join(', ')}</dd>
          <dt>Engine</dt>
          <dd>
            {shown(equipment.engine)}: {shown(equipment.engineWhy)}
          </dd>
          <dt>Store</dt>
          <dd>
            {shown(equipment.store)},{' '}
            {equipment.denseInStore
              ? 'which works on the vectors itself'
              : 'which keeps the vectors; they are worked on outside'}
          </dd>
          {equipment.phasePlaces !== undefined && (
            <>
              <dt>Where each phase is done</dt>
              <dd>
                {Object.entries(equipment.phasePlaces)
                  .map(([phase, place]) => `${shown(phase)}: ${shown(place)}`)
                  .join(', ')}
              </dd>
            </>
          )}
        </dl>
      ))}
    </section>
  )
}

function grouped(peers: readonly PeerState[]): Group[] {
  const groups = new Map<string, Group>()
  for (const peer of peers) {
    if (peer.equipment === undefined) continue
    const key = JSON.stringify(peer.equipment)
    const known = groups.get(key)?.peers ?? []
    groups.set(key, { equipment: peer.equipment, peers: [...known, peer] })
  }
  return [...groups.values()]
}
