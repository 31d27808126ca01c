import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Arena, PeergradError, systemClock, type Options, type PeerId } from '@peergrad/core'
import { createNetworkMesh, Swarm } from '@peergrad/peer'
import { eventOf } from '../event-of.js'
import { EXIT } from '../exit-codes.js'
import { openLog, STANDARD_ERROR } from '../logging/log.js'
import { secretsOf } from '../logging/secrets.js'
import { print, printJson, say, sayLine } from '../output/print.js'
import { credentialsOf } from '../peer/credentials.js'
import { closeAll, type Closing } from '../peer/closing.js'
import { TOPIC } from '../peer/network.js'
import { Recorder } from '../recorder.js'
import { interrupts } from '../signals.js'
import { startDashboard } from './server.js'

/** Milliseconds between two questions to a peer, and that it has to answer. */
const PAUSE = 500
const ANSWER = 10_000
/** Characters of an answer that is as long as it may be, or nearly. */
const LONG = 24 * 1024
/** Characters that are taken of one peer: it may be hostile, and this disk is not its own. */
const MOST = 256 << 20
/** Bytes for vectors: none is ever taken. */
const ARENA = 1 << 20

export interface WatchInit {
  /** of a peer of the run */
  readonly address: string
  /** what proves that this one may look, see `--admission` */
  readonly options: Options
  readonly port: number
  readonly json: boolean
}

/** Whether a word is the address of a peer, and no directory. */
export function isAddress(word: string): boolean {
  return /^\/(ip4|ip6|dns[46]?)\/[^/]+\/(tcp|udp)\/\d+(\/|$)/.test(word)
}

/**
 * `peergrad dashboard MULTIADDR`: shows what one peer says of its run, until Ctrl+C. It is asked as one who may take part in
 * the run and does not: nobody counts on it, and it serves nothing. Errors: `unreachable`, `refused`, `timeout`.
 */
export async function watchRun({ address, options, port, json }: WatchInit): Promise<number> {
  const interrupt = interrupts(() => process.exit(EXIT.ok.code))
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-watch-'))
  const secrets = secretsOf(options)
  const logger = openLog({ file: STANDARD_ERROR, level: 'error', secrets, terminal: sayLine })
  const opened: Closing[] = [{ close: () => rmSync(folder, { recursive: true, force: true }) }]
  try {
    const mesh = await createNetworkMesh({
      identityFile: options.identity ?? join(folder, 'identity.key'),
      listen: [],
      topic: TOPIC,
      fastLane: false,
      memory: Arena.create({ bytes: ARENA }).memory,
      signal: interrupt.signal,
      logger
    })
    opened.push(mesh)
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
    const credentials = credentialsOf(options)
    const swarm = new Swarm({ mesh, clock: systemClock(), logger, join: [address], sha256, credentials })
    opened.push(swarm)
    const peer = await mesh.dial(address, { signal: interrupt.signal })
    await swarm.find({ deadline: options.patience * 1000, signal: interrupt.signal })
    const file = join(folder, 'events.ndjson')
    const recorder = new Recorder(file, ({ message }) => say(`peergrad: ${message}`))
    opened.push(recorder)
    const dashboard = await startDashboard({ file, port, over: false })
    opened.push(dashboard)
    if (json) printJson({ url: dashboard.url })
    else print(dashboard.url)
    say(`peergrad: what ${peer} says of its run; the address works once, in one browser; Ctrl+C ends`)
    await record(swarm, peer, recorder, interrupt.signal)
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort')
    return EXIT.ok.code
  } catch (thrown) {
    if (interrupt.signal.aborted) return EXIT.ok.code
    throw thrown
  } finally {
    await closeAll(opened, logger)
    interrupt.close()
  }
}

/** Takes the events of a peer until it goes, or the signal aborts. */
async function record(swarm: Swarm, peer: PeerId, recorder: Recorder, signal: AbortSignal): Promise<void> {
  let from = 0
  let length = 0
  while (!signal.aborted) {
    try {
      const { lines, next } = await swarm.watch(peer, from, { deadline: ANSWER, signal })
      for (const line of lines) {
        length += line.length
        if (length > MOST) throw new PeergradError('full', `${peer} said more than ${MOST >> 20} MB; no more is taken`)
        const event = eventOf(line)
        if (event !== undefined) recorder.add(event)
      }
      from = next
      // a long answer has more behind it
      if (lines.join('').length < LONG) await delay(PAUSE, undefined, { signal })
    } catch (thrown) {
      if (signal.aborted) return
      return say(`peergrad: ${PeergradError.from(thrown).message}. The page keeps what it has; Ctrl+C ends`)
    }
  }
}
