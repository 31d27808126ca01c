import { writeSync } from 'node:fs'
import { Session, type Debugger } from 'node:inspector'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { TICKS, type Boot, type Guarded } from './loop-guard.js'

/**
 * What the main thread does when it has stopped at a line. Its standard error is closed last, for a process that is looked into
 * says there that it waits for whoever does.
 */
const END = `process.on('exit', () => process.getBuiltinModule('node:fs').closeSync(2)); process.exit(2)`

const { beats, patience } = workerData as Boot
const guarded = new Map<string, Guarded>()
let seen = -1
let silent = 0

parentPort?.on('message', (plugin: Guarded) => guarded.set(plugin.name, plugin))
setInterval(look, patience / TICKS)

function look(): void {
  const now = Atomics.load(beats, 0)
  silent = now === seen && guarded.size > 0 ? silent + 1 : 0
  seen = now
  if (silent === TICKS) stop()
}

/** Has the main thread stop where it is, as a debugger does, and end. */
function stop(): void {
  const session = new Session()
  const urls = new Map<string, string>()
  // who does not stop for as long again runs no JavaScript
  const late = setTimeout(() => {
    say()
    process.kill(process.pid, 'SIGKILL')
  }, patience)
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url))
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    clearTimeout(late)
    if (Atomics.load(beats, 0) !== seen) return session.disconnect()
    say(callFrames.map(({ location }) => ({ location, url: urls.get(location.scriptId) ?? '' })))
    session.post('Runtime.evaluate', { expression: END })
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

/** Names the plug-in that is innermost on the stack, and its line; all that are watched when none is on it, and the innermost line. */
function say(stack: readonly { readonly url: string; readonly location: Debugger.Location }[] = []): void {
  const all = [...guarded.values()]
  const frame =
    stack.find(({ url }) => all.some(({ module }) => module === url)) ??
    stack.find(({ url }) => !url.startsWith('node:'))
  const found = all.findLast(({ module }) => module !== undefined && module === frame?.url)
  const names = all.map(({ name }) => name).join(', ')
  const who = found?.name ?? (all.length === 1 ? names : `one of ${names}`)
  const where = frame === undefined ? '' : `, at ${placeOf(frame.url)}:${frame.location.lineNumber + 1}`
  const kept = `${who} has kept the main thread for ${patience / 1000} s${where}`
  writeSync(2, `peergrad: ${kept}, so the process was ended; a loop there must await something\n`)
}

function placeOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url
}
