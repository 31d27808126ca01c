import { join } from 'node:path'
import { PeergradError, type Options } from '@peergrad/core'
import type { AttackPlan } from '../attack/plan.js'
import { openDashboard } from '../dashboard/live.js'
import { EXIT, exitCodeOf } from '../exit-codes.js'
import { STANDARD_ERROR } from '../logging/log.js'
import { print } from '../output/print.js'
import { Progress } from '../output/progress.js'
import { holdOut, type HeldOut } from '../out.js'
import { Recorder } from '../recorder.js'
import { printResult, removeResult, writeResult } from '../result-file.js'
import { interrupts } from '../signals.js'
import { Tally } from '../tally.js'
import { allPeers } from './crowd.js'
import { eventMessage, failureMessage, type Host } from './host.js'
import { joinCommand, type Joinable } from './join-command.js'
import { Leaving } from './leaving.js'
import { usageOf } from './usage.js'

export interface RunInit {
  readonly options: Options
  readonly describesRun: boolean
  /** the checkpoint to go on from */
  readonly resume?: string
  /** the invitation in the printed command is for any number of peers */
  readonly reusable?: boolean
  /** of a hostile peer */
  readonly plan?: AttackPlan
  readonly json: boolean
  /** port of the dashboard, 0 for any; none when left out */
  readonly dashboard?: number
}

/** `peergrad peer` for a person: progress, invitation and summary. Resolves to the exit code. */
export async function runForPerson(init: RunInit): Promise<number> {
  const held = await holdOut(init.options.out, init.options.strategy)
  try {
    return await runIn(held.path, init)
  } finally {
    await held.close()
  }
}

async function runIn(out: string, { json, dashboard: port, ...init }: RunInit): Promise<number> {
  const { options, resume } = init
  const interrupt = interrupts(exit)
  const leaving = new Leaving(exit)
  const tally = new Tally()
  let recorder: Recorder | undefined
  const dashboard = await openDashboard(out, port)
  // a log there says the same, for a program
  const quiet = options['log-file'] === STANDARD_ERROR && !process.stderr.isTTY
  const progress = new Progress(tally, () => 'this', process.stderr, quiet)
  interrupt.signal.addEventListener('abort', () => {
    progress.say('peergrad: leaving the run and writing a checkpoint (Ctrl+C again: at once)')
    leaving.start(PeergradError.from(interrupt.signal.reason), 'leave')
  })
  try {
    const ended = await allPeers({
      ...init,
      out,
      leaving,
      speaks: () => true,
      terminal: process.stderr.isTTY ? (line) => progress.sayLine(line) : undefined,
      onJoinable: (joinable) => {
        // not before: what is there may be of another run
        removeResult(out)
        recorder = new Recorder(join(out, 'events.ndjson'), ({ message }) => progress.say(`peergrad: ${message}`), {
          goOn: resume !== undefined
        })
        invite(joinable, options, (text) => (json ? progress.say(text) : print(text)))
      },
      onWaiting: ({ here, expected }) =>
        progress.say(
          here < expected
            ? `peergrad: waits for ${expected - here} of ${expected} peers`
            : `peergrad: all ${expected} peers are here`
        ),
      onMetrics: (url) => progress.say(`peergrad: metrics at ${url}`),
      onEvent: (event) => {
        tally.add(event)
        recorder?.add(event)
      }
    })
    tally.used(ended.id, usageOf(ended))
    if (ended.unexported !== undefined) progress.say(`peergrad: ${ended.unexported}`)
  } finally {
    progress.close()
    recorder?.close()
    await dashboard?.close()
    interrupt.close()
  }
  const result = tally.result()
  const unwritten = writeResult(out, result)
  printResult(result, { json, out, command: 'peer', complete: unwritten === undefined })
  if (interrupt.signal.aborted) return EXIT.interrupted.code
  return unwritten === undefined ? EXIT.ok.code : exitCodeOf(unwritten)
}

/** `peergrad peer` as a child of `train`: everything goes over the channel. Resolves to the exit code. */
export async function runForHost(init: Omit<RunInit, 'json' | 'dashboard'>, host: Host): Promise<number> {
  const leaving = new Leaving(exit)
  host.onStop((reason) => leaving.start(new PeergradError('aborted', reason), 'stop'))
  const interrupt = interrupts(exit)
  interrupt.signal.addEventListener('abort', () => leaving.start(PeergradError.from(interrupt.signal.reason), 'leave'))
  let held: HeldOut | undefined
  try {
    held = await holdOut(init.options.out, init.options.strategy)
    const ended = await allPeers({
      ...init,
      out: held.path,
      leaving,
      // all hold the same: one is enough for the run
      speaks: (rank) => rank === 0,
      onListening: (peer, addresses) => host.send({ type: 'listening', peer, addresses }),
      onMetrics: (url) => host.send({ type: 'metrics', url }),
      onEvent: (event) => host.send(eventMessage(event))
    })
    const { model, unexported } = ended
    host.send({
      type: 'ended',
      usage: usageOf(ended),
      ...(model !== undefined && { model }),
      ...(unexported !== undefined && { unexported })
    })
    return leaving.ends.aborted ? EXIT.interrupted.code : EXIT.ok.code
  } catch (thrown) {
    host.send(failureMessage(PeergradError.from(thrown)))
    throw thrown
  } finally {
    await held?.close()
    interrupt.close()
    await host.flush()
  }
}

function exit(): never {
  process.exit(EXIT.interrupted.code)
}

const INSTALLED = 'in a clone of peergrad there, after npm test or npm start -- --help has installed it'
const FROM = {
  public: `from any machine, ${INSTALLED}`,
  lan: `from a machine of the same network, ${INSTALLED} (from elsewhere: docs/guide/hosts.md)`,
  link: `from a machine on the same cable, ${INSTALLED}`,
  loopback: 'only on this host, for others cannot dial it (see docs/guide/hosts.md)'
}

function invite(joinable: Joinable, { upnp }: Options, tell: (text: string) => void): void {
  const found = joinCommand(joinable)
  if (upnp && found?.from !== 'public')
    tell('No router opened a port (--upnp): forward one, or name a relay with --via.\n')
  if (found === undefined) return
  tell(`Join ${FROM[found.from]}:\n\n    ${found.command}\n`)
  const { invitation } = joinable
  if (invitation === undefined) return
  const until = new Date(invitation.until).toISOString()
  if (invitation.reusable) tell(`Whoever has this command can take part, until ${until}.\n`)
  else
    tell(`One peer can take part with this command, until ${until}; for more: peergrad invite, or --reusable here.\n`)
}
