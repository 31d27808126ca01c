import type { Signal } from '@preact/signals'
import type { Player } from '../player.js'
import { contributionOf } from '../state/contribution.js'
import { shortName } from '../text.js'

/** "What did this peer contribute?" */
export function Contribution({
  player,
  selected
}: {
  readonly player: Player
  readonly selected: Signal<string | undefined>
}) {
  const state = player.state.value
  const peer = state.peers.find(({ id }) => id === selected.value) ?? state.peers[0]
  const choose = (event: Event) => (selected.value = (event.currentTarget as HTMLSelectElement).value)
  return (
    <section aria-labelledby="contribution">
      <h2 id="contribution" tabIndex={-1}>
        What a peer contributed
      </h2>
      {peer !== undefined && (
        <>
          <p>
            <label>
              Peer{' '}
              <select value={peer.id} onChange={choose}>
                {state.peers.map(({ id }) => (
                  <option key={id} value={id}>
                    {shortName(id)}
                  </option>
                ))}
              </select>
            </label>
          </p>
          <dl class="facts">
            {contributionOf(state, peer).map(([term, text]) => (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  )
}
