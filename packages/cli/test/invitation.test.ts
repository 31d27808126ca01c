import { expect, test } from 'vitest'
import { invitation } from '../src/peer/invitation.js'

const lan = '/ip4/192.168.1.5/tcp/4001/p2p/12D3KooWx'
const local = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWx'

const docker = '/ip4/172.17.0.1/tcp/4001/p2p/12D3KooWx'
const six = '/ip6/2001:db8::1/tcp/1/p2p/x'
const named = '/dns4/peer.example.org/tcp/1/p2p/x'

test.each([
  [[local, lan], [lan], false],
  [[docker, lan, six, local], [lan, six, docker], false],
  [[docker, local], [docker], false],
  [[lan, `${lan}/ws`], [lan], false],
  [['/ip6/::1/tcp/1/p2p/x', '/ip6/fe80::1/tcp/1/p2p/x', six], [six], false],
  [['/dns4/localhost/tcp/1/p2p/x', named], [named], false],
  [[1, 2, 3, 4, 5].map((n) => `/ip4/10.0.0.${n}/tcp/1`), [1, 2, 3, 4].map((n) => `/ip4/10.0.0.${n}/tcp/1`), false],
  [['/ip4/169.254.1.1/tcp/1/p2p/x', local], ['/ip4/169.254.1.1/tcp/1/p2p/x'], true],
  [[local], [local], true]
])('%j → %j', (addresses, join, localOnly) => {
  const command = `npx peergrad peer ${join.map((address) => `--join ${address}`).join(' ')}`
  expect(invitation(addresses)).toEqual({ command, localOnly })
})

test('is none without an address', () => {
  expect(invitation([])).toBeUndefined()
})
