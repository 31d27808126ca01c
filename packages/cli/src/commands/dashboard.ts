import { PeergradError } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'

export const dashboard: Command = {
  name: 'dashboard',
  positional: 'DIR',
  describe:
    'Shows a run in the browser, from the events that train or peer wrote to DIR: swarm, rounds, curves, bytes, faults. It is played again at any speed; one that still goes on is followed. Serves on this machine only, and prints the address, which works once.',
  options: [],
  flags: {
    port: { type: 'text', placeholder: 'N', describe: 'TCP port to serve on (default any free one)' },
    json: JSON_FLAG
  },
  examples: [['peergrad dashboard runs/2026-01-31T12-00-00-spirt', 'a run again, from its start or any time of it']],
  async run({ flags: { port, json }, words: [directory] }) {
    if (directory === undefined) {
      throw new PeergradError('argument', 'dashboard: got nothing, expected the directory of a run')
    }
    const { dashboardPort } = await import('../dashboard/server.js')
    const { showRun } = await import('../dashboard/dashboard.js')
    return showRun({ directory, port: dashboardPort(port ?? ''), json: json === true })
  }
}
