import { OPTION_NAMES } from '@peergrad/core'
import { JSON_FLAG, RUN_FILE_FLAG, type Command } from '../command.js'

export const peer: Command = {
  name: 'peer',
  describe:
    'Runs one peer on this machine. Without --join it founds a run, and prints the one command that joins it from another machine; with --join it takes the run from the peers there.',
  options: OPTION_NAMES,
  flags: { run: RUN_FILE_FLAG, json: JSON_FLAG },
  examples: [
    ['peergrad peer --run run.yaml --port 4001', 'found a run'],
    ['peergrad peer --join /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…', 'join it from another machine'],
    [
      'peergrad peer --resume runs/mine --join /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…',
      'come back to it from the newest checkpoint'
    ],
    ['peergrad peer --peers 2 --model mlp', 'found a run of two peers without a run file']
  ],
  async run({ options: flags, flags: { run, json } }) {
    const { peerOptions } = await import('../peer/options.js')
    const init = { ...(await peerOptions(flags, typeof run === 'string' ? run : undefined)), json: json === true }
    const { findHost } = await import('../peer/host.js')
    const { runForHost, runForPerson } = await import('../peer/run.js')
    const host = findHost()
    return host === undefined ? runForPerson(init) : runForHost(init, host)
  }
}
