import type { ErrorCode, PeergradError } from '@peergrad/core'

export interface ExitCode {
  readonly code: number
  readonly name: string
  readonly means: string
  /** what to do about it */
  readonly advice: string
}

/** Every code that a peergrad process ends with; docs/guide/exit-codes.md is made of it. */
export const EXIT = {
  ok: { code: 0, name: 'ok', means: 'it is done', advice: '' },
  bug: {
    code: 1,
    name: 'bug',
    means: 'something that nobody thought of',
    advice: 'Please report it, with what was printed.'
  },
  usage: {
    code: 2,
    name: 'usage',
    means: 'an option, a name, a value, a file, a port or a plug-in that was given is not good',
    advice: 'The message says what was got and what was expected.'
  },
  disagree: {
    code: 3,
    name: 'disagree',
    means: 'the peers that finished do not hold the same parameters',
    advice: 'Compare `parametersHash` in result.json, and the logs of the peers that differ.'
  },
  peers: {
    code: 4,
    name: 'peers',
    means:
      'not enough peers: none found in time, or fewer left than the run needs; or a database or registry that does not answer',
    advice:
      'Check the address after --join and that the first peer still runs; lower --min-peers if fewer will do. For a database or a registry: that it runs, and that its address is right; the message names it.'
  },
  machine: {
    code: 5,
    name: 'machine',
    means: 'this machine cannot: a full disk, an engine that is not installed, a worker that crashed',
    advice: 'The message says which, and what to do.'
  },
  refused: {
    code: 6,
    name: 'refused',
    means: 'the other peers said no: another run, or not admitted',
    advice: 'The message names the first field of the run that differs.'
  },
  unfit: {
    code: 7,
    name: 'unfit',
    means: '`peergrad doctor` found something that keeps peers from training together',
    advice: 'Do what the lines with FAIL say; `warn` alone ends with 0.'
  },
  diverged: {
    code: 8,
    name: 'diverged',
    means: 'the numbers are not finite: the training diverged',
    advice: 'Lower --lr, or give --schedule a warm-up; a model or data set of your own may make them too.'
  },
  interrupted: {
    code: 130,
    name: 'interrupted',
    means: 'Ctrl+C or a signal to end before it was done; peers that trained left and wrote a checkpoint',
    advice: ''
  }
} as const satisfies Record<string, ExitCode>

const OF_ERROR: Readonly<Record<ErrorCode, number>> = {
  argument: EXIT.usage.code,
  unknown: EXIT.usage.code,
  missing: EXIT.usage.code,
  duplicate: EXIT.usage.code,
  shape: EXIT.usage.code,
  corrupt: EXIT.usage.code,
  'non-finite': EXIT.diverged.code,
  conflict: EXIT.bug.code,
  internal: EXIT.bug.code,
  quorum: EXIT.peers.code,
  unreachable: EXIT.peers.code,
  timeout: EXIT.peers.code,
  full: EXIT.machine.code,
  unsupported: EXIT.machine.code,
  crashed: EXIT.machine.code,
  refused: EXIT.refused.code,
  aborted: EXIT.interrupted.code
}

/** What a plug-in did wrong is the user's to mend, however it showed. */
export function exitCodeOf(error: PeergradError): number {
  return error.data['plugin'] === undefined ? OF_ERROR[error.code] : EXIT.usage.code
}
