import { PeergradError } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

export const newCommand: Command = {
  name: 'new',
  positional: 'KIND NAME',
  describe:
    'Begins a plug-in of your own: writes a package with a strategy, rule, filter, codec or attack that works, and a test that runs the conformance kit on it.',
  options: [],
  flags: { json: JSON_FLAG },
  examples: [
    ['peergrad new strategy my-strategy', 'a strategy in my-strategy/; npm test there tries its laws'],
    ['peergrad new rule my-rule', 'an aggregation rule'],
    ['peergrad new attack my-attack', 'an attack, to try rules against']
  ],
  async run({ flags: { json }, words: [kind, name] }) {
    const { KINDS, newPlugin } = await import('../new/new-plugin.js')
    if (kind === undefined || name === undefined) {
      const kinds = Object.keys(KINDS).join(', ')
      throw new PeergradError('argument', `new: got ${kind ?? 'nothing'}, expected a kind (${kinds}) and a name`)
    }
    const files = newPlugin(kind, name)
    if (json === true) printJson({ kind, name, files })
    else print(`${files.join('\n')}\n\nNow: cd ${name} && npm test`)
    return 0
  }
}
