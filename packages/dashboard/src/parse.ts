import type { RunEvent } from '@peergrad/core'
import { isEvent } from './is-event.js'

/** Characters from which on a line's texts are cut: nobody reads them, and a browser that lays them out hangs. */
const LONG = 100_000
const KEPT = 4000

/** One line of events.ndjson; undefined when it is no event. */
export function parseEvent(line: string): RunEvent | undefined {
  try {
    const value: unknown = JSON.parse(line, line.length > LONG ? cut : undefined)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}

function cut(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > KEPT
    ? `${value.slice(0, KEPT)}… (${value.length} characters)`
    : value
}
