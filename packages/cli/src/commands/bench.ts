import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PeergradError, suggestion } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { markdownTables } from '../output/markdown.js'
import { print, printJson } from '../output/print.js'
import { interrupts } from '../signals.js'

/** In a clone of the repository, beside packages/. */
const BENCH = join(import.meta.dirname, '../../../../bench')

export const bench: Command = {
  name: 'bench',
  positional: '[NAME]',
  describe:
    'Lists the benches of a clone of the repository, or runs one: it prints its table and writes it to bench/results.',
  options: [],
  flags: {
    quick: { type: 'boolean', describe: 'few repetitions: shows that it runs, measures little' },
    json: JSON_FLAG
  },
  examples: [['peergrad bench engine --quick', 'milliseconds for a training step of each model']],
  async run({ flags: { quick, json }, words: [name] }) {
    const names = benches()
    if (name === undefined) {
      print(json === true ? JSON.stringify(names) : names.join('\n'))
      return EXIT.ok.code
    }
    if (!names.includes(name)) {
      const message = `bench: got "${name}", ${suggestion(name, names)}expected one of ${names.join(', ')}`
      throw new PeergradError('unknown', message)
    }
    const args = [join(BENCH, 'run.mjs'), name, ...(quick === true ? ['--quick'] : [])]
    const { code, text } = await runToEnd(args, json === true)
    if (json === true && code === EXIT.ok.code)
      printJson({ bench: name, quick: quick === true, tables: markdownTables(text), text })
    return code
  }
}

function benches(): string[] {
  if (!existsSync(join(BENCH, 'run.mjs'))) {
    throw new PeergradError(
      'missing',
      'bench: the benches are not part of the package; run it in a clone of the repository'
    )
  }
  return readdirSync(BENCH).filter((name) => existsSync(join(BENCH, name, 'index.mjs')))
}

/**
 * Runs a bench as a process of its own; what it prints is kept when it is not to be seen. A signal to end is handed on to it,
 * and it is waited for; a second one kills it.
 */
function runToEnd(args: readonly string[], keep: boolean): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', keep ? 'pipe' : 'inherit', 'inherit'] })
    const interrupt = interrupts(() => child.kill('SIGKILL'))
    const { signal } = interrupt
    signal.addEventListener('abort', () => child.kill(signalOf(signal)), { once: true })
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part))
    child.once('close', (code) => {
      interrupt.close()
      const ended = code === 0 ? EXIT.ok.code : EXIT.bug.code
      resolve({ code: signal.aborted ? EXIT.interrupted.code : ended, text })
    })
  })
}

function signalOf({ reason }: AbortSignal): NodeJS.Signals {
  const name = PeergradError.from(reason).data['signal']
  return name === 'SIGINT' || name === 'SIGHUP' ? name : 'SIGTERM'
}
