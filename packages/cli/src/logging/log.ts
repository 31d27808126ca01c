import { pino } from 'pino'
import type { Logger } from '@peergrad/core'
import { fileError } from '../machine-error.js'
import { say } from '../output/print.js'
import { loggable } from './loggable.js'
import { readable } from './readable.js'
import { concealing } from './secrets.js'

/** What `--log-file` says for standard error. */
export const STANDARD_ERROR = '-'

export interface LogInit {
  /** a path, or `-` for standard error */
  readonly file: string
  readonly level: string
  /** what is taken out wherever it stands */
  readonly secrets: readonly string[]
  /** writes a line for a person, when one is at a terminal; otherwise standard error gets what a file would */
  readonly terminal?: ((line: string) => void) | undefined
}

/**
 * A log of one JSON object a line; on a terminal a line of text. Vectors and secrets do not get into it, whoever logs
 * them. A disk that fills up ends the log, and is said once. Errors: those of a file that cannot be written.
 */
export function openLog({ file, level, secrets, terminal }: LogInit): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => loggable(fields) as Record<string, unknown>
      },
      redact: { paths: ['secret', 'password', 'invitation', '*.secret', '*.password', '*.invitation'], censor: '…' },
      hooks: { streamWrite: concealing(secrets) }
    },
    file === STANDARD_ERROR ? standardError(terminal) : toFile(file)
  )
}

function standardError(terminal: LogInit['terminal']) {
  return {
    write(line: string) {
      if (terminal === undefined) process.stderr.write(line)
      else terminal(readable(line))
    }
  }
}

function toFile(file: string) {
  const destination = opened(file)
  let said = false
  destination.on('error', (error: Error) => {
    if (!said) say(`peergrad: ${file}: ${error.message}; nothing more is logged there`)
    said = true
  })
  return destination
}

function opened(file: string) {
  try {
    return pino.destination({ dest: file, sync: true, append: true })
  } catch (thrown) {
    throw fileError(file, thrown)
  }
}
