import { join } from 'node:path'
import { checkNumber, OPTION_NAMES, OPTIONS, PeergradError, resolveOptions, type OptionName } from '@peergrad/core'
import { JSON_FLAG, type Command, type Flag } from '../command.js'

const PEER_OPTIONS: readonly OptionName[] = ['engine-workers', 'memory', 'redis-url', 'data-dir', 'log-level', 'out']

/** Options that are axes of the grid, and have a flag that takes a list. */
const AXES: readonly OptionName[] = ['strategy', 'aggregator', 'pre-aggregator', 'partition', 'seed', 'target-accuracy']

/** Flags that make cells. */
const GRID_FLAGS: Readonly<Record<string, Flag>> = {
  strategies: list('A,B,…', 'strategies, each with its own options behind a colon (default spirt)'),
  aggregators: list(
    'A,B,…',
    'aggregation rules; one that takes f is told it, and a value that is the letter f is that number (default mean,median)'
  ),
  'pre-aggregators': list('A+B,C', 'chains of pre-aggregators, each joined by +; none is none (default none)'),
  attacks: list('A,B,…', '--list explains each; none is a run without one (default none,sign-flip)'),
  byzantine: list('N,N', 'hostile peers, which have the last ranks (default 1)'),
  declared: list('N,N', 'f that rules are told (default: as many as there are)'),
  partitions: list('A,B,…', 'how the samples are dealt (default iid)'),
  seeds: list('N,N', 'seeds; the tables have the mean over them (default 1)'),
  honest: list('N', 'honest peers, to whom the hostile ones come (default: --peers are all)'),
  'attack-schedule': list('WHEN', 'start=10,stop=50,every=2: rounds in which the attacks play (default all)')
}

const FLAGS: Readonly<Record<string, Flag>> = {
  ...GRID_FLAGS,
  grid: { type: 'text', placeholder: 'FILE', describe: 'grid file: YAML with these words, in which a list is an axis' },
  simulate: {
    type: 'boolean',
    describe: 'all peers of a cell in one thread, under a virtual clock, with the same parameters'
  },
  parallel: list('N', 'cells that are simulated at the same time (default: one for each core, as many as there are)'),
  quick: {
    type: 'boolean',
    describe: 'a small simulated grid, over in a minute: where rules break, and up to which f they hold'
  },
  list: {
    type: 'boolean',
    describe: 'say what each attack does, its options, what it is told, and what must hold; run nothing'
  },
  fresh: { type: 'boolean', describe: 'run again what is in --out already' },
  json: JSON_FLAG
}

export const attack: Command = {
  name: 'attack',
  describe:
    'Attacks runs with hostile peers, over real processes or simulated: every strategy, rule, attack, number of hostile peers, partition and seed of a grid. Writes attack.md, .csv, .json, and attack.html with heat maps and curves. A cell that is in --out already is not run again.',
  options: OPTION_NAMES.filter(
    (name) => (OPTIONS[name].group === 'run' && !AXES.includes(name)) || PEER_OPTIONS.includes(name)
  ),
  flags: FLAGS,
  examples: [
    ['peergrad attack --list', 'what attacks there are'],
    [
      'peergrad attack --aggregators mean,trimmed-mean --attacks sign-flip,alie --peers 5 --rounds 50',
      'four runs over five real peers each, one of them hostile'
    ],
    ['peergrad attack --aggregators ./my-rule.ts --quick', 'where a rule of your own breaks'],
    ['peergrad attack --grid docs/robustness/byzfl.yaml --simulate --out runs/byzfl', "the grid of ByzFL's heat maps"]
  ],
  async run({ options, flags }) {
    const { grid, simulate, parallel, quick, list: explain, fresh, json, ...given } = flags
    if (explain === true) return explainAttacks(json === true)
    const { attackHere } = await import('../lab/lab.js')
    const { readAxes } = await import('../lab/axes.js')
    const { ofGrid, readGrid } = await import('../lab/grid-file.js')
    const { quickGrid, quickSummary } = await import('../lab/quick.js')
    const { writableDirectory } = await import('../files.js')
    const { holdOut } = await import('../out.js')
    const file = typeof grid === 'string' ? await readGrid(grid) : { name: '', values: {} }
    // no axis: where a cell is run is the same for all
    const here = Object.fromEntries(PEER_OPTIONS.map((word) => [word, options[word]]))
    const { out } = resolveOptions({ flags: here }).options
    const { out: _out, ...words } = options
    const simulated = simulate === true || quick === true
    if (parallel !== undefined && !simulated) {
      const message =
        '--parallel: got real processes, which one cell has all cores for; leave it out, or add --simulate'
      throw new PeergradError('argument', message)
    }
    const atOnce = parallel === undefined ? undefined : checkNumber('--parallel', parallel, { min: 1, max: 64 }, true)
    const flagged = { ...words, ...given }
    const preset = quick === true ? await quickGrid() : undefined
    const axes = await ofGrid(file, flagged, async () => readAxes(file.values, flagged, preset))
    const held = await holdOut(out, 'attack')
    try {
      // said once, and not for each cell
      writableDirectory(held.path)
      return await ofGrid(file, flagged, () =>
        attackHere({
          axes,
          mode: simulated ? 'simulation' : 'processes',
          parallel: atOnce,
          out: held.path,
          fresh: fresh === true,
          json: json === true,
          program: join(import.meta.dirname, '../../bin/peergrad.js'),
          ...(quick === true && { summary: quickSummary })
        })
      )
    } finally {
      await held.close()
    }
  }
}

async function explainAttacks(json: boolean): Promise<number> {
  const { attacksText, listAttacks } = await import('../lab/list.js')
  const { print, printJson } = await import('../output/print.js')
  const listed = await listAttacks()
  if (json) printJson({ attacks: listed })
  else print(attacksText(listed))
  return 0
}

function list(placeholder: string, describe: string): Flag {
  return { type: 'text', placeholder, describe }
}
