import type { DialBack } from '@peergrad/peer'
import { findings, type Finding } from '../finding.js'
import { isLoopback } from '../machine/listen.js'
import { hostOf, refusalOf, type PeerCheck } from './context.js'

const { ok, warn, failed } = findings('dial-in')

/** Milliseconds that a word may still be on its way when the other peer says that it said it. */
const WORD = 1000

type Failed = Exclude<DialBack['outcome'], 'connected'>

const FOUND: Readonly<Record<Failed, readonly [fault: string, what: string]>> = {
  timeout: ['incoming-dropped', 'nothing comes through: a firewall drops it, or a router forwards nothing'],
  refused: ['incoming-refused', 'it is refused: a firewall or router rejects it'],
  unroutable: ['incoming-unroutable', 'there is no way from the other peer to that address']
}

const ELSEWHERE = ['port-of-another', 'another host answers: the router forwards that port elsewhere'] as const

/** Whether others can dial this peer: the other one connects back to where it sees this one. */
export const dialIn: PeerCheck = async ({ visit, seen, listeners, options }) => {
  const host = hostOf(seen.observed)
  const place = listeners?.at(host)
  if (listeners === undefined || place === undefined || visit.limited) return undefined
  if (isLoopback(place.host) && !isLoopback(host)) {
    const advice = 'listen on every interface: leave --listen out, or say --listen /ip4/0.0.0.0/tcp/4001'
    return warn('listens-on-loopback', `${place.host} port ${place.port}: no other host can dial that`, advice, {
      place
    })
  }
  try {
    const back = await visit.dialBack(place.port)
    const heard = back.outcome === 'connected' && (await listeners.heard(back.word, WORD))
    return described(back, heard, place.port, options.port === 0 && options.listen.length === 0)
  } catch (thrown) {
    return failed(thrown, refusalOf(thrown, 'no-answer'), 'warn')
  }
}

function described({ host, outcome }: DialBack, heard: boolean, port: number, anyPort: boolean): Finding {
  const where = `${host} port ${port}`
  const data = { host, port, outcome, heard }
  if (heard) return ok(`the other peer connects back to ${where}`, data)
  const [fault, what] = outcome === 'connected' ? ELSEWHERE : FOUND[outcome]
  return warn(
    fault,
    `${where}: ${what}`,
    anyPort ? `give the peer a port of its own (--port 4001), and ${open(4001)}` : open(port),
    data
  )
}

function open(port: number): string {
  return `let TCP port ${port} in at the firewall (such as \`ufw allow ${port}/tcp\`) and forward it at the router; until then others reach it through a relay only, if there is one`
}
