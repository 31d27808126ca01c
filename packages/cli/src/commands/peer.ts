import { MANIFEST_OPTIONS, OPTION_NAMES, PeergradError, resolveOptions } from '@peergrad/core'
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
    ['peergrad peer --peers 2 --model mlp', 'found a run of two peers without a run file']
  ],
  async run({ options: flags, flags: { run, json } }) {
    const { readRunFile } = await import('../run-file.js')
    const file = typeof run === 'string' ? await readRunFile(run) : undefined
    const { options, given } = resolveOptions(file === undefined ? { flags } : { flags, file })
    const joins = options.join.length > 0
    const described = file !== undefined || MANIFEST_OPTIONS.some((name) => given.has(name))
    if (joins && file === undefined && described) {
      const words = MANIFEST_OPTIONS.filter((name) => given.has(name)).map((name) => `--${name}`)
      throw new PeergradError(
        'argument',
        `${words.join(' ')}: the run comes from the peers at --join; leave ${words.length === 1 ? 'it' : 'them'} out, or give the whole run with --run FILE`
      )
    }
    const { findHost } = await import('../peer/host.js')
    const { runForHost, runForPerson } = await import('../peer/run.js')
    const host = findHost()
    const init = { options, describesRun: described || !joins, json: json === true }
    return host === undefined ? runForPerson(init) : runForHost(init, host)
  }
}
