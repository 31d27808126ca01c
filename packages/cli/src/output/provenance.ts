import { cpus, totalmem } from 'node:os'
import { shellWord } from './shell.js'

/** What made a report, for a shell. A password in a URL is nobody's to read. */
export function commandLine(args: readonly string[]): string {
  const shown = args.map((arg) => arg.replace(/:\/\/[^/\s]*@/g, '://…@'))
  return ['peergrad', ...shown.map(shellWord)].join(' ')
}

export function machine(): string {
  const processors = cpus()
  const model = processors[0]?.model.trim() ?? 'processors'
  return `${processors.length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
}
