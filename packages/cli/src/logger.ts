import { pino } from 'pino'
import type { Logger } from '@peergrad/core'
import { say } from './output/print.js'

/** A log of one JSON object a line, appended to `file`. A disk that fills up ends the log, and is said once. */
export function fileLogger(file: string, level: string): Logger {
  const destination = pino.destination({ dest: file, sync: true, append: true })
  let said = false
  destination.on('error', (error: Error) => {
    if (!said) say(`peergrad: ${file}: ${error.message}; nothing more is logged there`)
    said = true
  })
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
}
