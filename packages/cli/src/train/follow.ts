import { join } from 'node:path'
import { PeergradError, type RunEvent } from '@peergrad/core'
import type { RunResult } from '../outcome.js'
import { Recorder } from '../recorder.js'
import { removeResult } from '../result-file.js'
import { Tally } from '../tally.js'
import { Child } from './child.js'
import { Progress } from '../output/progress.js'
import { kept, watchSilence, type SilenceInit } from './silence.js'

export interface Followed {
  readonly result: RunResult
  /** the directory of the model for other tools, when a peer wrote it */
  readonly model?: string
  /** of the peers that did not end as a peer ends */
  readonly errors: readonly PeergradError[]
  /** the same of the hostile ones */
  readonly hostileErrors: readonly PeergradError[]
}

export interface FollowInit {
  /** of the peers, in the order in which they are started; the first founds the run */
  readonly numbers: readonly number[]
  /**
   * of those, hostile peers: they are started last, one after the other, so that they have the last ranks in this order,
   * and no error of theirs is the run's
   */
  readonly hostile?: readonly number[]
  /** how long those may say nothing, where their attack is a user's */
  readonly hostileSilence?: SilenceInit
  /** the program that a peer is */
  readonly program: string
  /** what the peer with this number is called with, to join at these addresses */
  readonly args: (number: number, directory: string, join: readonly string[]) => readonly string[]
  readonly out: string
  /** go on with the events that are there */
  readonly goOn: boolean
  /** the first Ctrl+C */
  readonly interrupt: AbortSignal
  /** milliseconds that peers have to leave after it, and hostile ones to end by themselves once nobody else is there */
  readonly grace: number
  /** how long a peer may say nothing; for ever when left out */
  readonly silence?: SilenceInit
  readonly onChild: (child: Child) => void
}

/**
 * Starts the peers, the first one first for the others join through it, and follows them to the end. A peer that dies
 * is said and the others go on; one that fails before the first round ends all, with its error, and so does a hostile
 * one while the run waits for it to begin. Resolves when no process is left. Error `aborted` by a Ctrl+C before the first
 * peer is there.
 */
export async function follow(init: FollowInit): Promise<Followed> {
  const { out, interrupt, hostile = [] } = init
  interrupt.throwIfAborted()
  const tally = new Tally()
  const children: Child[] = []
  /** that a peer is ready to train, or gone */
  const ready: Promise<void>[] = []
  const names = new Map<string, string>()
  const progress = new Progress(tally, (id) => names.get(id) ?? id)
  const sayError = ({ message }: PeergradError) => progress.say(`peergrad: ${message}`)
  removeResult(out)
  const recorder = new Recorder(join(out, 'events.ndjson'), sayError, { goOn: init.goOn })
  const errors: PeergradError[] = []
  const hostileErrors: PeergradError[] = []
  let model: string | undefined
  let failure: PeergradError | undefined
  /** somebody has the first view: the run waits for nobody to begin any more */
  let founded = false
  /** the time of day at which the time of the run begins, that of the first event */
  let wallStart: number | undefined

  const stop = () => {
    for (const child of children) child.stop()
    setTimeout(() => children.filter(({ running }) => running).forEach((child) => child.kill()), init.grace).unref()
  }
  /** Hostile peers that are left when all others are gone: one whose attack keeps its main thread has not heard of it. */
  const stopHostile = () => {
    const left = children.filter(({ running }) => running).map((child) => ({ child, heard: child.heard }))
    for (const { child } of left) {
      child.ask()
      child.stop()
    }
    const end = () => {
      for (const { child, heard } of left.filter(({ child: { running } }) => running)) {
        if (init.hostileSilence === undefined || child.heard > heard) child.kill()
        else child.end(kept(init.hostileSilence.plugins, 'peer', init.grace))
      }
    }
    // what came while this process itself stood still is read first
    setTimeout(() => setImmediate(end), init.grace).unref()
  }
  const onInterrupt = () => {
    progress.say('peergrad: stopping; peers that train write a checkpoint (Ctrl+C again: at once)')
    stop()
  }
  const start = (number: number, join: readonly string[]): Child => {
    const directory = `${out}/peer-${number}`
    const child = new Child({ number, program: init.program, directory, args: init.args(number, directory, join) })
    children.push(child)
    init.onChild(child)
    const silence = hostile.includes(number) ? (init.hostileSilence ?? init.silence) : init.silence
    if (silence !== undefined) watchSilence(child, silence)
    ready.push(readyToTrain(child))
    void child.listening.then(({ peer }) => names.set(peer, String(number))).catch(() => undefined)
    child.on('metrics', ({ url }) => progress.say(`peergrad: metrics of peer ${number} at ${url}`))
    child.on('event', ({ wall, event }) => {
      wallStart ??= wall
      // one that comes first need not have happened first, and a clock may be set back
      const ours: RunEvent = { ...event, time: Math.max(0, wall - wallStart) }
      if (event.type === 'view') founded = true
      tally.add(ours)
      recorder.add(ours)
    })
    child.on('exit', ({ error }) => {
      const alone = children.every(({ running, number: other }) => !running || hostile.includes(other))
      // one that was cut off would wait for the others
      if (alone && hostile.length > 0) setTimeout(stopHostile, init.grace).unref()
      if (child.peer !== undefined) {
        if (child.ended !== undefined) tally.used(child.peer, child.ended.usage)
        tally.ended(
          child.peer,
          error === undefined || error.code === 'aborted' ? 'left' : error.code === 'crashed' ? 'died' : 'failed'
        )
      }
      model ??= child.ended?.model
      if (child.ended?.unexported !== undefined) progress.say(`peergrad: ${child.ended.unexported}`)
      if (error === undefined) return
      const honest = !hostile.includes(number)
      ;(honest ? errors : hostileErrors).push(error)
      if (interrupt.aborted || failure !== undefined) return
      const begun = [...tally.peers.values()].some(({ round }) => round >= 0)
      if (!begun && (honest || !founded)) {
        failure = withLog(error, child)
        stop()
        return
      }
      const { message } = withLog(error, child)
      const others = children.some(({ running }) => running) ? '\nThe others go on.' : ''
      progress.say(`peergrad: ${message}${others}`)
    })
    return child
  }

  interrupt.addEventListener('abort', onInterrupt, { once: true })
  try {
    const [first, ...others] = init.numbers
    const { addresses } = await start(first, []).listening
    for (const number of others) if (!interrupt.aborted && !hostile.includes(number)) start(number, addresses)
    for (const number of hostile) {
      await Promise.all(ready)
      if (!interrupt.aborted && failure === undefined) start(number, addresses)
    }
  } catch (thrown) {
    if (!interrupt.aborted && failure === undefined) {
      failure = PeergradError.from(thrown)
      stop()
    }
  } finally {
    await Promise.all(children.map(({ exited }) => exited))
    interrupt.removeEventListener('abort', onInterrupt)
    progress.close()
    recorder.close()
  }
  if (failure !== undefined) throw failure
  return { result: tally.result(), ...(model !== undefined && { model }), errors, hostileErrors }
}

function readyToTrain(child: Child): Promise<void> {
  return new Promise((resolve) => {
    child.on('event', ({ event }) => {
      if (event.type === 'started') resolve()
    })
    child.on('exit', () => resolve())
  })
}

/** Which peer it was; and of a crash, which says nothing itself, the end of the log. */
function withLog(error: PeergradError, child: Child): PeergradError {
  const lines = error.code === 'crashed' ? child.lastLines() : []
  const end = lines.length === 0 ? '' : `. The end of ${child.log}:\n  | ${lines.join('\n  | ')}`
  return new PeergradError(error.code, `peer ${child.number}: ${error.message}${end}`, error.data)
}
