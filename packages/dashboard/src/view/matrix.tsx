import type { Player } from '../player.js'
import { sentBetween, vectorsOf } from '../state/links.js'
import type { PeerState } from '../state/state.js'
import { bytes, percent, shortName } from '../text.js'

/** Peers up to which each link has a cell. */
const MOST = 64

/** Bytes from each peer to each other, beside what the strategy's formula says. */
export function Matrix({ player }: { readonly player: Player }) {
  const { peers } = player.state.value
  const across = peers.slice(0, MOST)
  return (
    <section aria-labelledby="bytes" class="wide">
      <h2 id="bytes">Bytes per link</h2>
      <p class="note">
        Rows sent, columns received; all that was on the link, as peers told it some seconds ago at most. The formula is
        the strategy&rsquo;s for vectors alone, of a run without faults and without a filter.
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Bytes per link">
        <table>
          <thead>
            <tr>
              <th scope="col">from ╲ to</th>
              {across.map(({ id }) => (
                <th key={id} scope="col">
                  {shortName(id)}
                </th>
              ))}
              <th scope="col">vectors sent</th>
              <th scope="col">formula</th>
              <th scope="col">vectors received</th>
              <th scope="col">formula</th>
            </tr>
          </thead>
          <tbody>
            {peers.map((from) => (
              <tr key={from.id}>
                <th scope="row">{shortName(from.id)}</th>
                {across.map((to) => (
                  <td key={to.id}>{from === to ? '' : count(sentBetween(from, to))}</td>
                ))}
                <Formula peer={from} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Formula({ peer }: { readonly peer: PeerState }) {
  const counted = vectorsOf(peer)
  const { formula } = peer
  return (
    <>
      <td>{count(counted?.sent)}</td>
      <td>{beside(counted?.sent, formula?.sent)}</td>
      <td>{count(counted?.received)}</td>
      <td>{beside(counted?.received, formula?.received)}</td>
    </>
  )
}

function count(value: number | undefined): string {
  return value === undefined ? '–' : bytes(value)
}

/** The formula, and how far the count is from it. */
function beside(counted: number | undefined, formula: number | undefined): string {
  if (formula === undefined) return '–'
  if (counted === undefined || formula === 0) return bytes(formula)
  const share = counted / formula - 1
  return `${bytes(formula)} (${share < 0 ? '−' : '+'}${percent(Math.abs(share))})`
}
