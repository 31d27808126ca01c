import type { RunEvent } from '@peergrad/core'

/** An object with the time and the origin that every event has, of a line; what else is in it, who reads it looks at. */
export function eventOf(line: string): RunEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<RunEvent> | null
    const good = typeof event?.time === 'number' && typeof event.type === 'string' && typeof event.peer === 'string'
    return good ? (event as RunEvent) : undefined
  } catch {
    return undefined
  }
}
