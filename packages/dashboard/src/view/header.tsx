import type { Player } from '../player.js'
import type { Connection, Source } from '../source.js'
import { standing } from '../state/standing.js'
import type { RunState } from '../state/state.js'
import { shown } from '../text.js'

const SENTENCES: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting …',
  live: 'Live: the run goes on.',
  left: 'No process of this machine writes to it any more: the run has ended here, and what comes is shown.',
  over: 'These are all events of the run.',
  lost: 'The connection is lost; trying again. When the command has ended, peergrad dashboard DIR shows the run.',
  refused: 'Refused: open the address that the command printed. It works once, in one browser.'
}

/** Which run this is, and how it stands in one line. */
export function Header({ player, source }: { readonly player: Player; readonly source: Source }) {
  const state = player.state.value
  const { manifest, run } = state
  const unreadable = player.unreadable.value
  return (
    <header>
      <h1>peergrad{manifest === undefined ? '' : `: ${shown(manifest.model)} on ${shown(manifest.dataset)}`}</h1>
      {manifest !== undefined && (
        <p>
          {shown(manifest.strategy)} with {shown(manifest.aggregator)}, filter {shown(manifest.filter)}, codec{' '}
          {shown(manifest.codec)}, seed {manifest.seed}, run <code>{shown(run, 12)}</code>
        </p>
      )}
      <p role="status" id="status">
        {SENTENCES[source.connection.value]} {counts(state)}
        {unreadable > 0 && ` ${unreadable} lines are no events.`}
      </p>
    </header>
  )
}

/** "4 peers: 3 running, 1 lost." */
function counts({ peers }: RunState): string {
  const byState = new Map<string, number>()
  for (const peer of peers) byState.set(standing(peer), (byState.get(standing(peer)) ?? 0) + 1)
  return `${peers.length} ${peers.length === 1 ? 'peer' : 'peers'}: ${[...byState].map(([state, count]) => `${count} ${state}`).join(', ') || 'none yet'}.`
}
