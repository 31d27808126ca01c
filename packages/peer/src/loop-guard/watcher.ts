import { writeSync } from 'node:fs'
import { Session, type Debugger } from 'node:inspector'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { TICKS, WORD, type Boot, type Notice } from './loop-guard.js'

/**
 * What the main thread does when it has stopped at a line. Its standard error is closed first, for a process that is looked into
 * says there that it waits for whoever does; and a test runner may have made `exit` throw.
 */
const END = `{
  const close = () => { try { process.getBuiltinModule('node:fs').closeSync(2) } catch {} }
  process.on('exit', close)
  try { process.exit(2) } finally { close(); process.reallyExit(2) }
}`

const { words, patience } = workerData as Boot
const watched: Notice[] = []
let seen = -1
let silent = 0

parentPort?.on('message', (notice: Notice) => {
  const at = watched.findIndex(({ name }) => name === notice.name)
  if (!notice.gone) watched.push(notice)
  else if (at >= 0) watched.splice(at, 1)
})
setInterval(look, patience / TICKS)

function look(): void {
  const now = Atomics.load(words, WORD.turns)
  const still = now === seen && watched.length > 0 && Atomics.load(words, WORD.debugged) === 0
  silent = still ? silent + 1 : 0
  seen = now
  if (silent === TICKS) stop()
}

/** Has the main thread stop where it is, as a debugger does, and end. */
function stop(): void {
  const session = new Session()
  const urls = new Map<string, string>()
  // who does not stop for as long again runs no JavaScript
  const late = setTimeout(() => {
    say(2 * patience)
    kill()
  }, patience)
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url))
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    clearTimeout(late)
    if (Atomics.load(words, WORD.turns) !== seen) return session.disconnect()
    say(
      patience,
      callFrames.map(({ location }) => ({ location, url: urls.get(location.scriptId) ?? '' }))
    )
    session.post('Runtime.evaluate', { expression: END })
    setTimeout(kill, patience)
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** Names the plug-in that is innermost on the stack, and its line; all that are watched when none is, and the innermost line. */
function say(
  milliseconds: number,
  stack: readonly { readonly url: string; readonly location: Debugger.Location }[] = []
): void {
  const frame =
    stack.find(({ url }) => watched.some(({ module }) => module === url)) ??
    stack.find(({ url }) => !url.startsWith('node:'))
  const found = watched.findLast(({ module }) => module !== undefined && module === frame?.url)
  const where = frame === undefined ? '' : `, at ${placeOf(frame.url)}:${frame.location.lineNumber + 1}`
  const time = `${milliseconds / 1000} s${where}`
  const names = watched.map(({ name }) => name).join(', ')
  const kept =
    found === undefined
      ? `the main thread, on which ${names} may run, was kept for ${time}`
      : `${found.name} has kept the main thread for ${time}`
  try {
    writeSync(
      2,
      `peergrad: ${kept}, so the process was ended; a loop there must wait for a timer or for I/O now and then\n`
    )
  } catch {
    // nobody reads it, and the process ends all the same
  }
}

function placeOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url
}
