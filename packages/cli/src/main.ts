import { onOwnPlugin, PeergradError } from '@peergrad/core'
import { LoopGuard } from '@peergrad/peer/loop-guard'
import { COMMANDS } from './commands/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { parseCommandLine } from './parse.js'
import { print, say, surviveLostOutput, written } from './output/print.js'
import { CHANNEL } from './protocol.js'
import { sayUnsettled } from './unsettled.js'
import { VERSION } from './output/version.js'

/** Runs one command line to its end; resolves to the exit code. Every error is said here, once. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const parsed = await parseCommandLine(args, COMMANDS, VERSION)
    if ('print' in parsed) {
      print(parsed.print)
      return EXIT.ok.code
    }
    return await parsed.command.run(parsed.call)
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    say(`peergrad: ${error.message}`)
    if (error.code === 'internal' && error.data['plugin'] === undefined)
      say(`${String(error.data['stack'] ?? '')}\nThis should not happen: please report it.`)
    return exitCodeOf(error)
  }
}

surviveLostOutput()
sayUnsettled()
// whoever starts peers watches them itself, by the time-outs of the run
if (process.env[CHANNEL] === undefined) {
  const guard = new LoopGuard()
  onOwnPlugin((name, module) => guard.watch({ name, module }))
}
// an end in good order does not wait for what a library left open
const code = await main(process.argv.slice(2))
await written()
process.exit(code)
