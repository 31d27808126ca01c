import { readdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { optionsToManifest, type Options, type PeergradError } from '@peergrad/core'
import { loadDataset } from '@peergrad/engine'
import { cacheDirectory, checkComponents } from '../compose.js'
import { checkAdmissionHere } from '../peer/admission.js'
import { openDashboard } from '../dashboard/live.js'
import { outside, passRedisUrl } from '../stores.js'
import { EXIT, exitCodeOf } from '../exit-codes.js'
import { directory, MODEL, writeWhole } from '../files.js'
import { checkUnused } from '../former.js'
import { fileError } from '../machine-error.js'
import { metricsOfPeer } from '../metrics/address.js'
import { holdOut } from '../out.js'
import { isWhole } from '../outcome.js'
import { say } from '../output/print.js'
import { printResult, writeResult } from '../result-file.js'
import { runFileText } from '../run-file-text.js'
import { unguarded } from '../unguarded.js'
import { follow, type Followed } from './follow.js'
import { interruptible, type Stops } from './interruptible.js'
import { engineWorkers, peerArguments } from './peer-arguments.js'
import { silenceOf, silenceOfAttack } from './silence.js'

/** Milliseconds that peers have to leave after Ctrl+C. */
const GRACE = 2500
/** Where a run has the key of a peer. */
export function keyFile(out: string, number: number): string {
  return join(out, `peer-${number}`, 'identity.key')
}

export interface TrainInit {
  readonly options: Options
  /** checkpoint files to go on from, by the number of the peer */
  readonly checkpoints?: ReadonlyMap<number, string>
  /** the program that a peer is, `bin/peergrad.js` */
  readonly program: string
  /** what hostile peers are told beside the others, by number; they are started last, and so have the last ranks */
  readonly hostile?: ReadonlyMap<number, readonly string[]>
  /** name of their attack, where it is a user's */
  readonly attack?: string
  /** port of the dashboard, 0 for any; none when left out */
  readonly dashboard?: number
}

/** A run of `train` that is over. */
export interface Trained extends Followed {
  /** its directory */
  readonly out: string
  /** why the result could not be written */
  readonly unwritten: PeergradError | undefined
}

/** `peergrad train`: resolves to the exit code once no process is left. */
export function trainHere({ json, ...init }: TrainInit & { readonly json: boolean }): Promise<number> {
  return interruptible(async (stops) => {
    // what is wrong with a name is said by `train`
    const weak = await unguarded(optionsToManifest(init.options)).catch(() => undefined)
    for (const warning of [weak, outside(init.options)]) if (warning !== undefined) say(`peergrad: ${warning}`)
    return conclude(await train(init, stops), { json, interrupted: stops.signal.aborted })
  })
}

/**
 * Starts the peers of a run, follows them to the end and writes the result. Errors: what can be seen to be wrong before
 * anything is started, what ends a run before its first round, and `aborted` by a Ctrl+C before the first peer is there.
 */
export async function train(init: TrainInit, stops: Stops): Promise<Trained> {
  const { options } = init
  // what can be seen to be wrong is said before anything is started or written
  await checkComponents(optionsToManifest(options), options)
  checkAdmissionHere(options)
  if (options.metrics !== undefined) metricsOfPeer(options.metrics, options.peers - 1)
  // read once here before so many processes do: a data set that is fetched is fetched once
  const { dataset, stream } = options
  await loadDataset(dataset, { cacheDirectory: cacheDirectory(options), stream, report: say, signal: stops.signal })
  stops.signal.throwIfAborted()
  passRedisUrl(options)
  const held = await holdOut(options.out, options.strategy)
  try {
    if (init.checkpoints === undefined) await checkUnused(held.path)
    return await trainIn(held.path, init, stops)
  } finally {
    await held.close()
  }
}

async function trainIn(
  out: string,
  { options, checkpoints, program, hostile = new Map(), attack, dashboard: port }: TrainInit,
  stops: Stops
): Promise<Trained> {
  const manifest = optionsToManifest(options)
  const runFile = join(out, 'run.yaml')
  writeWhole(runFile, runFileText(options, out))
  const one = options.peers === 1
  const how = checkpoints === undefined ? (one ? 'trains' : 'train') : one ? 'goes on to train' : 'go on to train'
  say(
    `peergrad: ${options.peers} ${one ? 'peer' : 'peers'} ${how} ${options.model} on ${options.dataset} with ${options.strategy}; files in ${out}`
  )
  const silence = silenceOf(options, manifest)
  const dashboard = await openDashboard(out, port)
  const followed = await follow({
    numbers: startOrder(options.peers, checkpoints),
    hostile: [...hostile.keys()],
    program,
    args: (number, own, addresses) => [
      ...peerArguments(options, { runFile, own, number, addresses, resume: checkpoints?.get(number) }),
      ...(hostile.get(number) ?? [])
    ],
    out,
    goOn: checkpoints !== undefined,
    interrupt: stops.signal,
    grace: GRACE,
    ...(silence && { silence }),
    ...(attack !== undefined && { hostileSilence: silenceOfAttack(attack, manifest) }),
    onChild: stops.onChild
  }).finally(() => dashboard?.close())
  if (followed.model !== undefined) collectModel(out, followed.model)
  const result = { ...followed.result, engineWorkers: engineWorkers(options) }
  return { ...followed, result, out, unwritten: writeResult(out, result) }
}

/** The peers that go on first, with the newest checkpoint before the others: who founds a run must have its state. */
function startOrder(peers: number, checkpoints: ReadonlyMap<number, string> = new Map()): number[] {
  return [...new Set([...checkpoints.keys(), ...Array.from({ length: peers }, (_, number) => number)])]
}

/** The peer of rank 0 wrote the model of the run beside its own files, into `own`: it is the run's. */
function collectModel(out: string, own: string): void {
  try {
    // file by file: a directory of that name may hold other things of the user's
    const to = directory(out, MODEL)
    for (const file of readdirSync(own)) renameSync(join(own, file), join(to, file))
    rmdirSync(own)
  } catch (thrown) {
    say(`peergrad: ${fileError(own, thrown).message}`)
  }
}

/** Prints the result, and says what it is worth as an exit code. */
function conclude(
  { result, errors, out, unwritten }: Trained,
  { json, interrupted }: { json: boolean; interrupted: boolean }
): number {
  printResult(result, { json, out, command: 'train', complete: unwritten === undefined })
  if (interrupted) return EXIT.interrupted.code
  if (!result.agreed) return EXIT.disagree.code
  if (isWhole(result)) return unwritten === undefined ? EXIT.ok.code : exitCodeOf(unwritten)
  const [error] = errors
  return error === undefined ? EXIT.peers.code : exitCodeOf(error)
}
