import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'
import { table } from '../output/table.js'

export const engines: Command = {
  name: 'engines',
  describe: 'Lists what can compute gradients here, and how to install what cannot.',
  options: [],
  flags: { json: JSON_FLAG },
  examples: [['peergrad engines', 'what --engine may say; auto takes the first that is available']],
  async run({ flags: { json } }) {
    const { engines } = await import('@peergrad/engine')
    const found = engines()
    if (json === true) {
      printJson(found)
      return 0
    }
    const rows = found.map(({ name, available, version, why }) => [
      name,
      available ? 'available' : 'absent',
      version ?? '',
      why
    ])
    print(table(['engine', '', 'version', ''], rows).join('\n'))
    return 0
  }
}
