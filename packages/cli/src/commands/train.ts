import { join } from 'node:path'
import { OPTION_NAMES, OPTIONS, PeergradError, resolveOptions, type OptionName } from '@peergrad/core'
import { DASHBOARD_FLAG, JSON_FLAG, RUN_FILE_FLAG, type Command } from '../command.js'

const PEER_OPTIONS: readonly OptionName[] = [
  'engine-workers',
  'memory',
  'stream',
  'redis-url',
  'checkpoint-every',
  'resume',
  'data-dir',
  'log-level',
  'metrics',
  'secret-file',
  'out'
]

export const train: Command = {
  name: 'train',
  describe: 'Starts peers on this machine, one process each, and follows them to the end.',
  options: OPTION_NAMES.filter((name) => OPTIONS[name].group === 'run' || PEER_OPTIONS.includes(name)),
  flags: { run: RUN_FILE_FLAG, dashboard: DASHBOARD_FLAG, json: JSON_FLAG },
  examples: [
    ['peergrad train', 'four peers train a CNN on MNIST with SPIRT'],
    ['peergrad train --peers 2 --strategy all-reduce --epochs 1', 'two peers, another architecture'],
    [
      'peergrad train --resume runs/2026-01-31T12-00-00-spirt',
      'go on with a run that was stopped, or whose peers died'
    ],
    ['peergrad train --run run.yaml --seed 7 --json', 'from a run file, with another seed, for a program to read']
  ],
  async run({ options: flags, flags: { run, dashboard, json } }) {
    const { trainHere } = await import('../train/train.js')
    const { checkTaken, readRunFile, resumePath } = await import('../run-file.js')
    const file = typeof run === 'string' ? await readRunFile(run) : undefined
    if (file !== undefined) checkTaken(file, 'train', train.options)
    const path = resumePath(flags, file)
    const { dashboardPort } = await import('../dashboard/server.js')
    const how = {
      json: json === true,
      program: join(import.meta.dirname, '../../bin/peergrad.js'),
      ...(dashboard !== undefined && { dashboard: dashboardPort(dashboard) })
    }
    if (path === undefined) {
      const { options } = resolveOptions(file === undefined ? { flags } : { flags, file })
      return trainHere({ options, ...how })
    }
    if (file !== undefined) {
      throw new PeergradError(
        'argument',
        `run: got ${file.name} with --resume, expected one of them: a run that goes on has its options in its directory`
      )
    }
    const { resumeRun } = await import('../train/resume.js')
    return trainHere({ ...(await resumeRun(path, flags)), ...how })
  }
}
