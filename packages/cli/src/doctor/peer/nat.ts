import { reachOf } from '@peergrad/peer'
import { findings } from '../finding.js'
import { isLoopback, ownAddresses } from '../machine/listen.js'
import { hostOf, type PeerCheck } from './context.js'

const { ok, warn } = findings('nat')

/** What lies between, by where the other peer sees this one: nothing, or a NAT that keeps the port or changes it. */
export const nat: PeerCheck = ({ seen: { observed }, visit: { localPort, limited } }) => {
  // the relay has not said where it sees this one
  if (reachOf(observed).relayed) return undefined
  const who = limited ? 'the relay' : 'the other peer'
  const host = hostOf(observed)
  if (ownAddresses().includes(host)) {
    const where = isLoopback(host) ? `${who} is on this machine` : `${who} sees ${host}, an address of this machine`
    return ok(`none: ${where}`, { observed, kind: 'none' })
  }
  const port = Number(observed.split('/')[4])
  const kind = localPort === undefined ? 'unknown' : port === localPort ? 'keeps-ports' : 'changes-ports'
  const what = WORDS[kind]
  return warn(
    'behind-nat',
    `${who} sees ${host} port ${port}, which is not this machine: a NAT is in between${what.found}`,
    `${what.advice}; without that others reach it through a relay only, if there is one`,
    { observed, localPort: localPort ?? null, kind }
  )
}

const WORDS = {
  unknown: { found: '', advice: 'forward a TCP port at the router, or reach the others through a relay' },
  'keeps-ports': {
    found: ' that keeps ports',
    advice: 'forward a TCP port at the router; hole punching has good chances too'
  },
  'changes-ports': {
    found: ' that changes ports',
    advice: 'forward a TCP port at the router, or reach the others through a relay: hole punching seldom gets through'
  }
}
