import type { NetworkInterfaceInfo } from 'node:os'
import type { Connection } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { LocalAddresses } from '../dist/network/reach/local-addresses.js'
import { Reachability, type ReachabilityInit } from '../dist/network/reach/reachability.js'

const OWN = '/ip4/10.0.0.5/tcp/4001'
const SEEN = '/ip4/203.0.113.5/tcp/4001'

interface Other {
  readonly peer?: string
  readonly direction: 'inbound' | 'outbound'
  readonly at?: string
  readonly direct?: boolean
  readonly punched?: boolean
}

/** A peer in a cloud, which has a private address, and is connected to another one that says where it sees this one. */
function seenAt(address: string, other: Other) {
  const { peer = 'member', direction, at = '/ip4/198.51.100.1/tcp/50000', direct = true, punched = false } = other
  const events = new EventTarget()
  const connection = {
    direct,
    direction,
    remoteAddr: multiaddr(at),
    remotePeer: { toString: () => peer },
    timeline: { open: Date.now() }
  } as unknown as Connection
  const connections = [connection]
  const announced: string[] = []
  const withdrawn: string[] = []
  const node = {
    addEventListener: events.addEventListener.bind(events),
    getConnections: () => connections,
    services: {
      internals: {
        transportManager: { getAddrs: () => [multiaddr(OWN)] },
        addressManager: {
          confirmObservedAddr: (confirmed: Multiaddr) => announced.push(String(confirmed)),
          removeObservedAddr: (removed: Multiaddr) => withdrawn.push(String(removed))
        }
      }
    }
  }
  const eth0 = [{ address: '10.0.0.5', cidr: '10.0.0.5/24', internal: false } as NetworkInterfaceInfo]
  const reachability = new Reachability({
    node,
    local: new LocalAddresses(() => ({ eth0 })),
    members: () => ['member'],
    via: new Set<string>(),
    reservations: { held: () => [], has: () => false },
    punched: () => punched,
    relayed: true,
    mapped: false,
    dialBack: {},
    log: () => undefined
  } as unknown as ReachabilityInit)
  reachability.start()
  const sees = (observed: string, now: number, by = connection) => {
    if (by !== connection) connections.unshift(by)
    const detail = { connection: by, observedAddr: multiaddr(observed) }
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    reachability.look(now)
  }
  sees(address, 0)
  return { announced, withdrawn, sees, connection, host: reachability.publicHost }
}

describe('where others see a peer with a private address', () => {
  it('is announced when one of the run dialled it there', () => {
    expect(seenAt(SEEN, { direction: 'inbound' })).toMatchObject({ announced: [SEEN], host: undefined })
  })

  it('is looked at again: a router may have another address by now', () => {
    const { announced, withdrawn, sees } = seenAt(SEEN, { direction: 'inbound' })
    sees('/ip4/203.0.113.9/tcp/4001', 3_600_000)
    expect(announced).toEqual([SEEN, '/ip4/203.0.113.9/tcp/4001'])
    expect(withdrawn).toEqual([SEEN])
  })

  it('stays while somebody comes by it, whatever another one says', () => {
    const { withdrawn, sees, connection } = seenAt(SEEN, { direction: 'inbound' })
    sees('/ip4/203.0.113.66/tcp/1', 3_600_000, { ...connection })
    expect(withdrawn).toEqual([])
  })

  it.each<[string, string, Other]>([
    ['a stranger says so', SEEN, { direction: 'inbound', peer: 'stranger' }],
    ['it is private', '/ip4/192.168.1.1/tcp/4001', { direction: 'inbound' }],
    ['it is that of a relay', `${SEEN}/p2p-circuit`, { direction: 'inbound' }],
    ['both dialled at once, from ports that nobody listens on', SEEN, { direction: 'inbound', punched: true }]
  ])('is not when %s', (_, address, other) => {
    expect(seenAt(address, other)).toMatchObject({ announced: [], host: undefined })
  })

  it('is its host for a punch when one says so whom it dialled, and is not announced', () => {
    expect(seenAt(SEEN, { direction: 'outbound' })).toMatchObject({ announced: [], host: '203.0.113.5' })
    expect(seenAt(SEEN, { direction: 'outbound', direct: false }).host).toBeUndefined()
  })
})
