import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { PeergradError, type RunEvent } from '@peergrad/core'
import { eventOf } from './event-of.js'
import { fileError } from './machine-error.js'

/**
 * The events in an `events.ndjson`. `torn`: the last line may be half a one, as a process that is killed may leave it.
 * Errors: `missing` when the file cannot be read, `corrupt` for a line that is no event.
 */
export async function* readEvents(file: string, { torn }: { readonly torn: boolean }): AsyncGenerator<RunEvent> {
  let number = 0
  let error: PeergradError | undefined
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      if (error !== undefined) throw error
      number += 1
      const event = eventOf(line)
      if (event !== undefined) yield event
      else error = new PeergradError('corrupt', `${file}: line ${number} is no event`, { file })
    }
    if (error !== undefined && !torn) throw error
  } catch (thrown) {
    throw fileError(file, thrown)
  }
}
