import { existsSync } from 'node:fs'
import { PeergradError, resolveOptions } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'

export const dashboard: Command = {
  name: 'dashboard',
  positional: 'DIR|MULTIADDR',
  describe:
    'Shows a run in the browser: swarm, rounds, curves, bytes, faults. From the events that train or peer wrote to DIR, played again at any speed, or followed while it goes on; or as the peer at MULTIADDR tells it, to whoever may take part in its run. Serves on this machine only, and prints the address, which works once.',
  options: ['identity', 'secret-file', 'invitation', 'patience'],
  flags: {
    port: { type: 'text', placeholder: 'N', describe: 'TCP port to serve on (default any free one)' },
    json: JSON_FLAG
  },
  examples: [
    ['peergrad dashboard runs/2026-01-31T12-00-00-spirt', 'a run again, from its start or any time of it'],
    ['peergrad dashboard /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…', 'a run that goes on, as one of its peers sees it']
  ],
  async run({ options: flags, flags: { port, json }, words: [what] }) {
    if (what === undefined) {
      throw new PeergradError(
        'argument',
        'dashboard: got nothing, expected the directory of a run or the address of a peer'
      )
    }
    const { dashboardPort } = await import('../dashboard/server.js')
    const how = { port: dashboardPort(port ?? '', 'port'), json: json === true }
    const { isAddress, watchRun } = await import('../dashboard/foreign.js')
    if (isAddress(what) && !existsSync(what)) {
      return watchRun({ address: what, options: resolveOptions({ flags }).options, ...how })
    }
    const stray = dashboard.options.find((word) => flags[word] !== undefined)
    if (stray !== undefined) {
      throw new PeergradError(
        'argument',
        `--${stray}: got it with ${what}, expected it with the address of a peer; a directory is read without it`
      )
    }
    const { showRun } = await import('../dashboard/dashboard.js')
    return showRun({ directory: what, ...how })
  }
}
