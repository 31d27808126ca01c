import type { Player } from '../player.js'
import { lineOf, type Line } from '../state/happenings.js'
import { tail } from '../state/series.js'
import { seconds } from '../text.js'

/** Lines that are shown. */
const MOST = 200

/** Views, suspicions, losses, refusals and proofs, the newest first. */
export function Happenings({ player }: { readonly player: Player }) {
  const { happenings } = player.state.value
  const lines = tail(happenings, MOST).map(lineOf).reverse()
  return (
    <section aria-labelledby="happenings">
      <h2 id="happenings">Membership and faults</h2>
      <p class="note">
        {happenings.length > MOST ? `The last ${MOST} of ${happenings.length}, the` : 'The'} newest first. What is wrong
        is marked with !
      </p>
      <div class="scroll tall" tabIndex={0} role="region" aria-label="Membership and faults">
        {lines.length === 0 ? <p>Nothing yet.</p> : <Lines lines={lines} />}
      </div>
    </section>
  )
}

function Lines({ lines }: { readonly lines: readonly Line[] }) {
  return (
    <ul class="happenings">
      {lines.map((line, index) => (
        <li key={lines.length - index} class={line.grave ? 'grave' : ''}>
          <span class="mark">{line.grave ? '!' : ''}</span>
          <span class="time">{seconds(line.time)}</span> <bdi>{line.who}</bdi> <bdi>{line.what}</bdi>
          {line.evidence.length > 0 && <Evidence texts={line.evidence} />}
        </li>
      ))}
    </ul>
  )
}

function Evidence({ texts }: { readonly texts: readonly string[] }) {
  return (
    <details>
      <summary>Evidence: {texts.length} signed messages, base64</summary>
      {texts.map((text, index) => (
        <pre key={index}>{text}</pre>
      ))}
    </details>
  )
}
