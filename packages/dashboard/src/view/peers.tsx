import type { Signal } from '@preact/signals'
import type { Player } from '../player.js'
import { last } from '../state/series.js'
import { rankOf, SIGNS, standing } from '../state/standing.js'
import type { PeerState, RunState } from '../state/state.js'
import { bytes, percent, shortName, shown } from '../text.js'

const COLUMNS = ['peer', 'rank', 'state', 'round', 'loss', 'accuracy', 'phase', 'received', 'sent']

/** Who is there, and how far. */
export function Peers({
  player,
  selected
}: {
  readonly player: Player
  readonly selected: Signal<string | undefined>
}) {
  const state = player.state.value
  return (
    <section aria-labelledby="peers" class="wide">
      <h2 id="peers">Peers</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Peers">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((name) => (
                <th key={name} scope="col" class={name === 'state' || name === 'phase' ? 'word' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {state.peers.map((peer) => (
              <Row key={peer.id} peer={peer} state={state} selected={selected} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">A name leads to what that peer contributed.</p>
    </section>
  )
}

interface RowProps {
  readonly peer: PeerState
  readonly state: RunState
  readonly selected: Signal<string | undefined>
}

function Row({ peer, state, selected }: RowProps) {
  const how = standing(peer)
  const loss = last(peer.rounds)?.loss
  const accuracy = last(peer.evaluations)?.accuracy
  const choose = () => {
    selected.value = peer.id
    document.getElementById('contribution')?.focus()
  }
  return (
    <tr class={how}>
      <th scope="row">
        <button type="button" class="name" aria-pressed={selected.value === peer.id} onClick={choose}>
          <bdi>{shortName(peer.id)}</bdi>
        </button>
      </th>
      <td>{rankOf(state, peer) ?? '–'}</td>
      <td class="state">
        <span aria-hidden="true">{SIGNS[how]}</span> {how}
      </td>
      <td>{peer.round < 0 ? '–' : peer.round + 1}</td>
      <td>{loss === undefined ? '–' : loss.toFixed(4)}</td>
      <td>{accuracy === undefined ? '–' : percent(accuracy)}</td>
      <td class="phase">{peer.phase === '' ? '–' : shown(peer.phase, 20)}</td>
      <td>{bytes(peer.bytesReceived)}</td>
      <td>{bytes(peer.bytesSent)}</td>
    </tr>
  )
}
