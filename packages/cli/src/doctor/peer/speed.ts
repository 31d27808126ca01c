import type { Received } from '@peergrad/peer'
import { bytes } from '../../output/units.js'
import { findings } from '../finding.js'
import { refusalOf, type PeerCheck } from './context.js'

const { ok, warn, failed } = findings('speed')

/** Bytes of a model of a million parameters, which shall pass within the deadline of a round. */
const VECTOR = 4e6
/** Milliseconds of a round trip, above which agreement costs more than a small gradient. */
const ROUND_TRIP = 500

/** Bytes a second in both directions, and the round trip. A relay carries too few to measure. */
export const speed: PeerCheck = async ({ visit, seen: { roundTrip }, options: { deadline }, own }) => {
  if (visit.limited) return undefined
  try {
    const [to, from] = [rate(await visit.measure('to', roundTrip)), rate(await visit.measure('from', roundTrip))]
    const found = `${bytes(to)}/s to it, ${bytes(from)}/s from it, round trip ${roundTrip.toFixed(1)} ms`
    const data = { bytesPerSecondTo: to, bytesPerSecondFrom: from, roundTrip }
    const patience = own === undefined ? deadline : own.deadline / 1000
    const slowest = Math.min(to, from)
    if (slowest * patience < VECTOR) {
      const what = `${found}: a model of a million parameters takes ${(VECTOR / Math.max(slowest, 1)).toFixed(0)} s`
      return warn(
        'slow-link',
        what,
        'raise --deadline, or send less: --codec f16 or int8, --strategy mlless, --every',
        data
      )
    }
    if (roundTrip > ROUND_TRIP)
      return warn('long-round-trip', found, 'train more between two exchanges: --every, --minibatches', data)
    return ok(found, data)
  } catch (thrown) {
    return failed(thrown, refusalOf(thrown, 'no-measurement'), 'warn')
  }
}

function rate({ bytes, milliseconds }: Received): number {
  return Math.round((bytes / milliseconds) * 1000)
}
