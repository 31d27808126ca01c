/**
 * The first command of the README: `peergrad train` with its default options, four processes on MNIST, twice with one
 * seed. Both runs have to end with one hash at every peer, the same hash.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine } from '../machine.mjs'

const PROGRAM = join(import.meta.dirname, '../../packages/cli/bin/peergrad.js')
const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../../packages/peer/package.json'), 'utf8'))
const ACCURACY = 0.97
const SECONDS = 90

export async function run({ quick = false } = {}) {
  const options = quick ? ['--rounds', '4', '--minibatches', '1'] : []
  const runs = Array.from({ length: quick ? 1 : 2 }, () => train(options))
  const hashes = new Set(runs.flatMap(({ peers }) => peers.map(({ parametersHash }) => parametersHash)))
  if (hashes.size !== 1) throw new Error(`the same seed gave ${hashes.size} hashes: ${[...hashes].join(', ')}`)
  const text = report(['train', '--seed 1', ...options].join(' '), runs, [...hashes][0])
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '../results/mnist.md'), text)
}

/** One run to its end: its result, and the samples that were trained on. */
function train(options) {
  const out = mkdtempSync(join(tmpdir(), 'peergrad-mnist-'))
  try {
    const args = [PROGRAM, 'train', '--seed', '1', ...options, '--out', out, '--json']
    const result = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
    const events = readFileSync(join(out, 'events.ndjson'), 'utf8').trimEnd().split('\n').map(JSON.parse)
    // every peer tells of each round, with the samples of all: one of them is enough
    const rounds = events.filter(({ type, peer }) => type === 'round' && peer === result.peers[0].id)
    return { ...result, samples: rounds.reduce((sum, round) => sum + round.samples, 0) }
  } finally {
    rmSync(out, { recursive: true })
  }
}

function report(command, runs, hash) {
  const rows = runs.map((run, index) => {
    const megabytes = Math.max(...run.peers.map(({ bytesSent }) => bytesSent)) / 1e6
    const columns = [
      index + 1,
      `${(run.accuracy * 100).toFixed(2)} %`,
      run.seconds.toFixed(1),
      run.rounds,
      (run.samples / run.seconds).toFixed(0),
      megabytes.toFixed(0),
      new Set(run.peers.map(({ id }) => id)).size
    ]
    return `| ${columns.join(' | ')} |`
  })
  const [first] = runs
  return [
    '# MNIST with four peers',
    '',
    `\`peergrad ${command}\`: ${first.peers.length} processes over libp2p on loopback, ${first.model} on ` +
      `${first.dataset}, ${first.strategy} with ${first.aggregator}, engine ${first.engineWhy.split(':')[0]}, store ${first.store}. ` +
      `"accuracy" is on all ${first.evaluatedSamples} test images; "s" from the first view to the end of the last ` +
      'round; "MB sent" of the peer that sent most.',
    '',
    '| run | accuracy | s | rounds | samples/s | MB sent | PeerIds |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `Every peer of ${runs.length === 1 ? 'the run' : 'both runs'} ends with the same parameters: \`${hash}\`.`,
    `Aim: at least ${ACCURACY * 100} % within ${SECONDS} s of training on 2 cores.`,
    '',
    machine(`libp2p ${dependencies.libp2p}`),
    ''
  ].join('\n')
}
