import { join } from 'node:path'
import { OPTION_NAMES, OPTIONS, resolveOptions, type OptionName } from '@peergrad/core'
import { JSON_FLAG, RUN_FILE_FLAG, type Command } from '../command.js'

const PEER_OPTIONS: readonly OptionName[] = [
  'engine-workers',
  'memory',
  'stream',
  'redis-url',
  'checkpoint-every',
  'data-dir',
  'log-level',
  'out'
]

/** options of a run that are not the same in every run that is compared, or mean nothing where all peers are started here */
const OTHERS: readonly OptionName[] = ['strategy', 'admission', 'allow']

export const compare: Command = {
  name: 'compare',
  describe:
    'Trains with one strategy after the other on the same model, data, seed, optimiser and number of samples, each over real peer processes, and writes what each took: a table for the terminal, compare.md, .csv, .json, and compare.html with curves. A strategy whose run is in --out already is not run again.',
  options: OPTION_NAMES.filter(
    (name) => (OPTIONS[name].group === 'run' && !OTHERS.includes(name)) || PEER_OPTIONS.includes(name)
  ),
  meanings: {
    rounds: {
      describe:
        'synchronisations of --minibatches minibatches after which the runs end; a strategy that takes more makes fewer'
    },
    'target-accuracy': { describe: 'test accuracy of which the tables say when each run had it first; it ends none' },
    'checkpoint-every': { defaultText: '0, so that none is in the time of some runs and not of others' },
    out: { describe: 'where the tables go, and a directory for each run' }
  },
  flags: {
    strategies: {
      type: 'text',
      placeholder: 'A,B,…',
      describe:
        'strategies to compare, each with its own options behind a colon: spirt:minibatches=4,all-reduce; a piece that reads key=value belongs to the strategy before it; every one that exchanges when left out'
    },
    fresh: { type: 'boolean', describe: 'run again what is in --out already' },
    run: RUN_FILE_FLAG,
    json: JSON_FLAG
  },
  examples: [
    ['peergrad compare --epochs 1 --target-accuracy 0.97', 'every strategy, and what 97 % cost each'],
    [
      'peergrad compare --strategies all-gather,mlless:v=2',
      'what it spares to send what is significant alone, of the steps of Adam'
    ],
    [
      'peergrad compare --strategies spirt:minibatches=4,spirt:minibatches=1,all-reduce --out runs/mine',
      'three runs; stopped, the same command goes on with those that are missing'
    ]
  ],
  async run({ options: flags, flags: { strategies, fresh, run, json } }) {
    const { compareHere } = await import('../compare/compare.js')
    const { checkTaken, readRunFile } = await import('../run-file.js')
    const file = typeof run === 'string' ? await readRunFile(run) : undefined
    if (file !== undefined) checkTaken(file, 'compare', [...compare.options, 'metrics', 'secret-file'])
    const { options, given } = resolveOptions(file === undefined ? { flags } : { flags, file })
    return compareHere({
      // a checkpoint now and then would be in the time of some and not of others
      options: given.has('checkpoint-every') ? options : { ...options, 'checkpoint-every': 0 },
      list: typeof strategies === 'string' ? strategies : undefined,
      fresh: fresh === true,
      json: json === true,
      program: join(import.meta.dirname, '../../bin/peergrad.js')
    })
  }
}
