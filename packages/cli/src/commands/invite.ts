import { checkNumber, OPTION_NAMES, OPTIONS, resolveOptions } from '@peergrad/core'
import { JSON_FLAG, REUSABLE_FLAG, RUN_FILE_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

const HOURS = '24'

export const invite: Command = {
  name: 'invite',
  positional: '[PEER]',
  describe:
    'Makes an invitation to a run with --admission invitation, by the key of a peer that may invite: for one peer, which says its id when it is refused, or for the first one that comes with the text.',
  options: OPTION_NAMES.filter((name) => OPTIONS[name].manifest === true || ['identity', 'data-dir'].includes(name)),
  flags: {
    run: RUN_FILE_FLAG,
    hours: { type: 'text', placeholder: 'N', describe: `how long it can be used to join (default ${HOURS})` },
    reusable: REUSABLE_FLAG,
    json: JSON_FLAG
  },
  examples: [
    ['peergrad invite 12D3KooW… --run run.yaml', 'for this peer alone'],
    ['peergrad invite --run run.yaml --hours 2', 'for the first peer that comes with it, within two hours'],
    ['peergrad invite --run run.yaml --reusable', 'for whoever gets the text, and hands it on']
  ],
  async run({ options: flags, flags: { run, hours, reusable, json }, words: [holder] }) {
    const { readRunFile } = await import('../run-file.js')
    const { makeInvitation } = await import('../invite.js')
    const file = typeof run === 'string' ? await readRunFile(run) : undefined
    const { options } = resolveOptions(file === undefined ? { flags } : { flags, file })
    const most = 24 * 366
    const made = await makeInvitation(options, {
      hours: checkNumber('hours', hours ?? HOURS, { above: 0, max: most }),
      holder,
      reusable: reusable === true
    })
    if (json === true) printJson(made)
    else print(made.invitation)
    return 0
  }
}
