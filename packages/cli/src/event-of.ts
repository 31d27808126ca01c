import type { RunEvent } from '@peergrad/core'
import { isEvent } from '@peergrad/dashboard'

/** The event that a line is; undefined when it is none. */
export function eventOf(line: string): RunEvent | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}
