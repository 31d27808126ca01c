import { describe, expect, test } from 'vitest'
import { datasetHere } from '../src/peer/data-here.js'
import { joinCommand } from '../src/peer/join-command.js'

const ID = '12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg'
const at = (host: string, rest = '') => `${host}/tcp/4001${rest}/p2p/${ID}`
const lan = at('/ip4/192.168.1.5')
const local = at('/ip4/127.0.0.1')
const docker = at('/ip4/172.17.0.1')
const open = at('/ip4/198.51.100.7')
const six = at('/ip6/2001:db8::1')
const named = at('/dns4/peer.example.org')
const relayed = `${open}/p2p-circuit/p2p/${ID}`
const run = 'ab'.repeat(32)

const command = (...addresses: string[]) => joinCommand({ addresses, run })

describe('the command that joins a peer', () => {
  test.each([
    [[local, lan], [lan], 'lan'],
    [[local, lan, open], [open, lan], 'public'],
    [[lan, relayed], [relayed, lan], 'public'],
    [[relayed, open, lan], [open, relayed, lan], 'public'],
    [[docker, lan, six, local], [six, lan, docker], 'public'],
    [[docker, local], [docker], 'lan'],
    [[at('/ip4/192.168.1.5', '/ws'), lan], [at('/ip4/192.168.1.5', '/ws')], 'lan'],
    [[at('/ip6/::1'), at('/ip6/fe80::1'), six], [six], 'public'],
    [[at('/dns4/localhost'), named], [named], 'public'],
    [[1, 2, 3, 4, 5].map((n) => at(`/ip4/10.0.0.${n}`)), [1, 2, 3, 4].map((n) => at(`/ip4/10.0.0.${n}`)), 'lan'],
    [[local, at('/ip4/169.254.1.1')], [at('/ip4/169.254.1.1')], 'link'],
    [[local], [local], 'loopback']
  ] as const)('%j → %j', (addresses, join, from) => {
    const words = ['npx peergrad peer', ...join.map((address) => `--join ${address}`), `--run-id ${'ab'.repeat(16)}`]
    expect(command(...addresses)).toEqual({ command: words.join(' '), from })
  })

  test('is none without an address', () => {
    expect(command()).toBeUndefined()
  })

  test('has what the admission takes, but no secret', () => {
    const invitation = { text: 'peergrad2.abc', until: 1, reusable: false }
    expect(joinCommand({ addresses: [lan], run, invitation })?.command).toMatch(/--invitation peergrad2\.abc$/)
    expect(joinCommand({ addresses: [lan], run, asks: 'secret' })?.command).toMatch(/--secret-file FILE$/)
    // a guest cannot make one
    expect(joinCommand({ addresses: [lan], run, asks: 'invitation' })?.command).toMatch(/--invitation TEXT$/)
  })
})

test('data of a run that is elsewhere here', () => {
  expect(datasetHere('idx:dir=/founder/data', undefined)).toBe('idx:dir=/founder/data')
  expect(datasetHere('idx:dir=/founder/data,limit=5', '/mnt/$&')).toBe('idx:dir=/mnt/$&,limit=5')
  expect(() => datasetHere('mnist', '/mnt')).toThrow('mnist is in no directory')
})
