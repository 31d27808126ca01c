import { EXIT } from './exit-codes.js'
import { say } from './output/print.js'

/** What Node ends with when the main module awaits what nothing is left to settle. */
const UNSETTLED = 13

/** Says so when the process ends because its command waits for what never comes, which else is an end without a word. */
export function sayUnsettled(): void {
  process.once('exit', () => {
    if (process.exitCode !== UNSETTLED) return
    say('peergrad: the command waits for what never comes: a promise that a plug-in, or a bug of ours, never settles')
    process.exitCode = EXIT.bug.code
  })
}
