import { resolveOptions, type OptionName } from '@peergrad/core'
import type { Command } from '../command.js'

const OPTIONS: readonly OptionName[] = ['port', 'listen', 'identity', 'data-dir', 'upnp']

export const relay: Command = {
  name: 'relay',
  describe:
    'Runs a relay on a machine that others can dial, for peers that nobody can: it trains nothing, and sees nothing of what passes but its length.',
  options: OPTIONS,
  flags: {},
  examples: [
    ['peergrad relay --port 4001', 'on a machine with a public address'],
    [
      'peergrad peer --run run.yaml --peers 2 --via /ip4/203.0.113.5/tcp/4001/p2p/12D3KooW…',
      'a first peer that is reached through it'
    ]
  ],
  async run({ options: flags }) {
    const { runRelay } = await import('../relay.js')
    return runRelay(resolveOptions({ flags }).options)
  }
}
