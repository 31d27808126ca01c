import type { RunEvent } from '@peergrad/core'
import { EVENT_SHAPES } from './event-shapes.generated.js'
import { hasShape, type Shape } from './shape.js'

/** Of every event, also of one whose type is not known yet. */
const ORIGIN: Shape = { type: 'string', time: 'number', peer: 'string' }

/** Whether a value of JSON, which anybody may have written, has the fields of an event of its type. */
export function isEvent(value: unknown): value is RunEvent {
  if (!hasShape(value, ORIGIN)) return false
  const { type } = value as RunEvent
  return !Object.hasOwn(EVENT_SHAPES, type) || hasShape(value, EVENT_SHAPES[type] as Shape)
}
