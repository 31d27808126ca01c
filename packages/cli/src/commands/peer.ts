import { OPTION_NAMES } from '@peergrad/core'
import { DASHBOARD_FLAG, JSON_FLAG, REUSABLE_FLAG, RUN_FILE_FLAG, type Command, type Flag } from '../command.js'

/** For laboratories: they make a peer of this machine hostile, and nothing in the run. */
const ATTACK_FLAGS: Record<string, Flag> = {
  attack: {
    type: 'text',
    placeholder: 'NAME',
    describe:
      'for laboratories: this peer is hostile, as `peergrad attack --list` explains; NAME:key=value gives options'
  },
  'attack-schedule': {
    type: 'text',
    placeholder: 'WHEN',
    describe: 'when and against whom: start=10,stop=50,every=2,targets=ID+ID; always and everybody unless given'
  },
  accomplices: {
    type: 'text',
    placeholder: 'IDS',
    describe: 'ids of the other hostile peers, by commas: they are not among the honest, and craft the same'
  }
}

export const peer: Command = {
  name: 'peer',
  describe:
    'Runs one peer on this machine. Without --join it founds a run, and prints the one command that joins it from another machine; with --join it takes the run from the peers there.',
  options: OPTION_NAMES,
  flags: {
    run: RUN_FILE_FLAG,
    reusable: REUSABLE_FLAG,
    dashboard: DASHBOARD_FLAG,
    json: JSON_FLAG,
    ...ATTACK_FLAGS
  },
  examples: [
    [
      'peergrad peer --run run.yaml --peers 2 --port 4001',
      'found a run that two peers begin; 4 unless --peers or the file says it'
    ],
    ['peergrad peer --join /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…', 'join it from another machine'],
    [
      'peergrad peer --resume runs/mine --join /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…',
      'come back to it from the newest checkpoint'
    ],
    ['peergrad peer --peers 2 --model mlp', 'found a run of two peers without a run file']
  ],
  async run({ options: flags, flags: { run, reusable, dashboard, json, ...hostile } }) {
    const { peerOptions } = await import('../peer/options.js')
    const { attackPlan } = await import('../attack/plan.js')
    const plan = await attackPlan(hostile)
    const given = await peerOptions(flags, typeof run === 'string' ? run : undefined)
    const init = { ...given, ...(plan && { plan }), reusable: reusable === true, json: json === true }
    const { findHost } = await import('../peer/host.js')
    const { runForHost, runForPerson } = await import('../peer/run.js')
    const host = findHost()
    if (host !== undefined) return runForHost(init, host)
    const { dashboardPort } = await import('../dashboard/server.js')
    return runForPerson({ ...init, ...(dashboard !== undefined && { dashboard: dashboardPort(dashboard) }) })
  }
}
