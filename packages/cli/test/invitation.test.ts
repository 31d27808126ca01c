import { expect, test } from 'vitest'
import { invitation } from '../src/peer/invitation.js'

const lan = '/ip4/192.168.1.5/tcp/4001/p2p/12D3KooWx'
const local = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWx'

test.each([
  [[local, lan], lan, false],
  [[lan, local], lan, false],
  [
    ['/ip6/::1/tcp/1/p2p/x', '/ip6/fe80::1/tcp/1/p2p/x', '/ip6/2001:db8::1/tcp/1/p2p/x'],
    '/ip6/2001:db8::1/tcp/1/p2p/x',
    false
  ],
  [['/dns4/localhost/tcp/1/p2p/x', '/dns4/peer.example.org/tcp/1/p2p/x'], '/dns4/peer.example.org/tcp/1/p2p/x', false],
  [['/ip4/169.254.1.1/tcp/1/p2p/x', local], '/ip4/169.254.1.1/tcp/1/p2p/x', true],
  [[local], local, true]
])('%j → %s', (addresses, address, localOnly) => {
  expect(invitation(addresses)).toEqual({ command: `npx peergrad peer --join ${address}`, localOnly })
})

test('is none without an address', () => {
  expect(invitation([])).toBeUndefined()
})
