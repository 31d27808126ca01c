import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { LineReader } from './line-reader.js'

/** Milliseconds between two looks at a file that grows. */
const LOOK = 200

/** Looks in a row that find nothing new, after which it is asked whether anybody writes to the file; at first at once. */
const IDLE = 10

export interface EventStreamInit {
  /** events.ndjson, which may not be there yet */
  readonly file: string
  /** where the browser goes on after its connection broke, in bytes; 0 from the start */
  readonly from: number
  /** aborts when nothing more will be written */
  readonly over: AbortSignal
  /** whether anybody writes to the file, as far as this machine knows; left out when somebody does for sure */
  readonly isWritten?: () => Promise<boolean>
  readonly response: ServerResponse
}

/**
 * Sends a file of events, and what is written to it meanwhile, as server-sent events: many lines in each message, with
 * the place in the file as its id; and that nobody writes to it any more, or somebody again. Resolves when the browser is gone or
 * has all.
 */
export async function streamEvents({ file, from, over, isWritten, response }: EventStreamInit): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
  const reader = new LineReader(file, from)
  const wakes = AbortSignal.any([over, gone.signal])
  let left = false
  let idle = 0
  while (!gone.signal.aborted) {
    // looked at before the file: what was written until then is read once more
    const last = over.aborted
    const lines = await reader.next()
    if (lines === 'shrunk') return void response.end(message({ event: 'anew' }))
    if (lines !== undefined) {
      idle = 1
      left = false
      if (!response.write(message({ id: lines.end, text: lines.text })))
        await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
    } else if (last) return void response.end(message({ event: 'over' }))
    else {
      if (isWritten !== undefined && idle++ % IDLE === 0) {
        const was: boolean = left
        left = !(await isWritten())
        if (left !== was) response.write(message({ event: left ? 'left' : 'taken' }))
      }
      await delay(LOOK, undefined, { signal: wakes }).catch(() => undefined)
    }
  }
}

/** A line that is no JSON may hold what ends a line here, and must not become a field of the message. */
function message({ event, id, text = '' }: { event?: string; id?: number; text?: string }): string {
  const fields = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...text.split(/\r\n|\n|\r/).map((line) => `data: ${line}`)
  ]
  return `${fields.join('\n')}\n\n`
}
