import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { PHASE_LETTERS, phaseColour } from '../colours.js'
import type { Player } from '../player.js'
import { tail } from '../state/series.js'
import { shortName, shown } from '../text.js'
import { drawTimeline } from './timeline-chart.js'

const SPANS: readonly [milliseconds: number, name: string][] = [
  [2000, '2 seconds'],
  [10_000, '10 seconds'],
  [60_000, 'minute'],
  [600_000, '10 minutes'],
  [Infinity, 'run, from its start']
]
/** Rounds of the table that says the same as the picture. */
const ROWS = 10

/** What each peer did when: a row for each, a bar for each phase. */
export function Timeline({ player }: { readonly player: Player }) {
  const host = useRef<HTMLDivElement>(null)
  const span = useSignal(10_000)
  useEffect(() => (host.current === null ? undefined : drawTimeline(host.current, player, () => span.peek())), [])
  const choose = (event: Event) => {
    span.value = Number((event.currentTarget as HTMLSelectElement).value)
    player.repaint()
  }
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Rounds</h2>
      <p>
        <label>
          The last{' '}
          <select value={String(span.value)} onChange={choose}>
            {SPANS.map(([value, name]) => (
              <option key={name} value={String(value)}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </p>
      <div ref={host} role="img" aria-label="Timeline: the phases of each peer; the table below says the last rounds" />
      <ul class="legend" aria-label="Phases">
        {Object.entries(PHASE_LETTERS).map(([phase, letter]) => (
          <li key={phase}>
            <span class="swatch" style={{ background: phaseColour(phase) }}>
              {letter}
            </span>{' '}
            {phase}
          </li>
        ))}
      </ul>
      <RoundTable player={player} />
    </section>
  )
}

function RoundTable({ player }: { readonly player: Player }) {
  const open = useSignal(false)
  const toggle = (event: Event) => (open.value = (event.currentTarget as HTMLDetailsElement).open)
  return (
    <details onToggle={toggle}>
      <summary>The last rounds as a table</summary>
      {open.value && <RoundRows player={player} />}
    </details>
  )
}

function RoundRows({ player }: { readonly player: Player }) {
  const { peers } = player.state.value
  const rows = peers
    .flatMap((peer) => tail(peer.rounds, ROWS).map((event) => ({ peer, event })))
    .sort((a, b) => b.event.round - a.event.round)
    .slice(0, ROWS * peers.length)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="The last rounds">
      <table>
        <thead>
          <tr>
            {['round', 'peer', 'seconds', 'attempts', 'loss', 'milliseconds by phase'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ peer, event }) => (
            <tr key={`${event.round} ${peer.id}`}>
              <th scope="row">{event.round + 1}</th>
              <td>{shortName(peer.id)}</td>
              <td>{event.seconds.toFixed(3)}</td>
              <td>{event.attempt + 1}</td>
              <td>{event.loss.toPrecision(4)}</td>
              <td class="words">
                {Object.entries(event.phases)
                  .map(([phase, time]) => `${shown(phase)} ${Math.round(time)}`)
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
