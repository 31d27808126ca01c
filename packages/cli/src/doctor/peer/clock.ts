import { findings } from '../finding.js'
import type { PeerCheck } from './context.js'

const { ok, warn, fail } = findings('clock')

/** Milliseconds: beyond the first, events of two peers fall out of order; beyond the second, greetings are refused. */
const LIMITS = { events: 30_000, greeting: 3 * 3_600_000 }

/** How far the clocks are apart. Half the round trip may be error of the measurement, and is nobody's fault. */
export const clock: PeerCheck = ({ seen: { offset, roundTrip } }) => {
  const error = roundTrip / 2
  const least = Math.abs(offset) - error
  const apart = `${time(Math.abs(offset))} ${offset < 0 ? 'behind' : 'ahead'}`
  const data = { offset, error }
  if (least <= LIMITS.events) return ok(`the same, give or take ${time(Math.abs(offset) + error)}`, data)
  const advice =
    'see which of both is wrong (`date -u` on each) and let it follow a time server: `timedatectl set-ntp true`, chrony or systemd-timesyncd'
  const found = `the other peer's clock is ${apart}`
  return least <= LIMITS.greeting
    ? warn('clock-skew', `${found}: invitations expire at another time, and events fall out of order`, advice, data)
    : fail('clock-skew', `${found}: peers refuse each other, for a greeting of that age may be a replay`, advice, data)
}

function time(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`
}
