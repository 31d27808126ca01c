import { PeergradError, resolveOptions } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'

export const report: Command = {
  name: 'report',
  positional: 'DIR',
  describe:
    'Writes report.html and report.md of what train, peer, compare or attack wrote to DIR: numbers, curves, bytes beside the formula, membership and faults. One file each; the page opens with no network and prints well.',
  options: ['out'],
  meanings: { out: { describe: 'where report.html and report.md go', defaultText: 'DIR' } },
  flags: { json: JSON_FLAG },
  examples: [['peergrad report runs/2026-01-31T12-00-00-spirt', 'a run, for somebody who was not there']],
  async run({ options: flags, flags: { json }, words: [directory] }) {
    if (directory === undefined) {
      throw new PeergradError(
        'argument',
        'report: got nothing, expected the directory of a run, a comparison or attacks'
      )
    }
    const { writeReportOf } = await import('../report/report.js')
    const { options } = resolveOptions({ flags })
    const files = await writeReportOf(directory, options.out ?? directory)
    if (json === true) printJson(files)
    else print(`${files.html}\n${files.markdown}`)
    return 0
  }
}
