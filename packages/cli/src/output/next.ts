import { join } from 'node:path'
import { shellWord } from './shell.js'

export interface NextInit {
  /** directory of the run */
  readonly out: string
  /** that wrote it */
  readonly command: 'train' | 'peer'
  /** the run came to its end here */
  readonly finished: boolean
  /** there is a checkpoint to go on from */
  readonly resumable: boolean
}

/** What somebody may want to do with a run that has just ended. */
export function nextCommands({ out, command, finished, resumable }: NextInit): [command: string, meaning: string][] {
  const run = shellWord(out)
  const shown: [string, string][] = [
    [`peergrad dashboard ${run}`, 'see it again in the browser'],
    [`peergrad report ${run}`, 'one page to keep or to send']
  ]
  if (!finished && resumable) shown.push([`peergrad ${command} --resume ${run}`, 'go on where it ended'])
  else if (command === 'train')
    shown.push([
      `peergrad train --run ${shellWord(join(out, 'run.yaml'))} --seed 2`,
      'the same, with other random numbers'
    ])
  else shown.push([`peergrad export ${run}`, 'the model of the newest checkpoint, for TensorFlow.js'])
  return shown
}
