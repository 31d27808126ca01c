import type { RunResult } from '../outcome.js'
import { nextCommands, type NextInit } from './next.js'
import { table } from './table.js'
import { unfinished } from './unfinished.js'
import { bytes, percent, seconds, whole } from './units.js'
import { cost, learning, roundsSeen, slowest } from './verdicts.js'

const HEADINGS = ['rank', 'peer', 'status', 'rounds', 'sent', 'received', 'computing', 'communicating', 'aggregating']

export interface SummaryFiles extends Pick<NextInit, 'out' | 'command'> {
  /** result, events and logs are in `out` */
  readonly complete: boolean
}

/** The end of a run for a person: what came out, what each peer did, and whether all hold the same. */
export function summary(result: RunResult, files: SummaryFiles): string {
  const evaluated = `test accuracy ${percent(result.accuracy)} on ${whole(result.evaluatedSamples)} samples`
  const lines = [
    '',
    `  ${result.accuracy === null ? 'not evaluated' : evaluated}, ${roundsSeen(result)} rounds in ${seconds(result.seconds)}`,
    ...(result.run === '' ? [] : parts(result)),
    '',
    ...table(HEADINGS, result.peers.map(row)),
    '',
    `  ${agreement(result)}`,
    ...answers(result)
  ]
  if (result.suggested !== null) {
    const { deadline, grace } = result.suggested
    lines.push(`  ${'measured'.padEnd(9)} --deadline ${deadline} --grace ${grace} would do for a run like this one`)
  }
  const { bytes: sent, whole: all, saved } = result.contributions
  if (saved !== 0)
    lines.push(
      `  contributions  ${bytes(sent)} each time they were fetched, ${bytes(all)} whole: ${percent(saved)} saved`
    )
  if (result.checkpoint !== null) lines.push(`  checkpoint  ${result.checkpoint}`)
  if (files.complete) lines.push(`  result, events and logs in ${files.out}`, '', ...next(result, files))
  return `${lines.join('\n')}\n`
}

/** Known once a peer has started to train. */
function parts(result: RunResult): string[] {
  const { model, dataset, strategy, aggregator, preAggregators, store, denseInStore, engineWhy } = result
  const rule = [...preAggregators, aggregator].join(' → ')
  const where = denseInStore ? 'which works on the vectors' : 'which keeps the vectors; they were worked on outside'
  return [`  ${model} on ${dataset}, ${strategy} with ${rule}, store ${store}, ${where}`, `  engine ${engineWhy}`]
}

/** Is it learning, who is slow, what does it cost. */
function answers(result: RunResult): string[] {
  const told: (readonly [string, string | undefined])[] = [
    ['learning', learning(result)],
    ['slow', slowest(result)],
    ['cost', cost(result)]
  ]
  return told.flatMap(([word, answer]) => (answer === undefined ? [] : [`  ${word.padEnd(9)} ${answer}`]))
}

function row(peer: RunResult['peers'][number]): string[] {
  return [
    String(peer.rank),
    peer.id,
    peer.status,
    String(peer.rounds),
    bytes(peer.bytesSent),
    bytes(peer.bytesReceived),
    seconds(peer.secondsComputing),
    seconds(peer.secondsCommunicating),
    seconds(peer.secondsAggregating)
  ]
}

function agreement({ agreed, peers }: RunResult): string {
  const finished = peers.filter(({ status }) => status === 'finished')
  const without = unfinished(peers)
  const gone = without.length === 0 ? '' : ` (${without.join(', ')})`
  const [first] = finished
  if (first === undefined) return 'no peer went on to the end of the run'
  if (!agreed)
    return `THE PEERS DO NOT HOLD THE SAME PARAMETERS: ${finished.map((peer) => `${peer.rank} ${peer.parametersHash}`).join(', ')}`
  const who =
    finished.length === 1 ? 'one peer finished, with' : `all ${finished.length} peers that finished hold the same`
  return `${who} parameters${gone}: ${first.parametersHash}`
}

function next({ peers, checkpoint }: RunResult, { out, command }: SummaryFiles): string[] {
  const finished = peers.some(({ status }) => status === 'finished')
  const commands = nextCommands({ out, command, finished, resumable: checkpoint !== null })
  return table(
    ['next', ''],
    commands.map(([line, meaning]) => [`npx ${line}`, meaning])
  )
}
