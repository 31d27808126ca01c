import type { RunEvent } from '@peergrad/core'

/** Characters from which on a line's texts are cut: nobody reads them, and a browser that lays them out hangs. */
const LONG = 100_000
const KEPT = 4000

/** One line of events.ndjson; undefined when it is no event. */
export function parseEvent(line: string): RunEvent | undefined {
  try {
    const value = JSON.parse(line, line.length > LONG ? cut : undefined) as Partial<RunEvent> | null
    const { type, time, peer } = value ?? {}
    return typeof type === 'string' && Number.isFinite(time) && typeof peer === 'string'
      ? (value as RunEvent)
      : undefined
  } catch {
    return undefined
  }
}

function cut(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > KEPT
    ? `${value.slice(0, KEPT)}… (${value.length} characters)`
    : value
}
