import { existsSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { EXIT } from '../exit-codes.js'
import { isWritten } from '../out.js'
import { print, printJson, say } from '../output/print.js'
import { interrupts } from '../signals.js'
import { startDashboard } from './server.js'

export interface ShowInit {
  /** what `train` or `peer` wrote, or still writes */
  readonly directory: string
  readonly port: number
  readonly json: boolean
}

/** `peergrad dashboard DIR`: shows a run until Ctrl+C. Error `missing` when there are no events in the directory. */
export async function showRun({ directory, port, json }: ShowInit): Promise<number> {
  const file = join(directory, 'events.ndjson')
  if (!existsSync(file)) {
    const message = `dashboard: ${file} is not there; expected the directory of a run that train or peer wrote, or one of those in a comparison's`
    throw new PeergradError('missing', message, { path: file })
  }
  const over = isOver(file, join(directory, 'result.json'))
  const dashboard = await startDashboard({ file, port, over, isWritten: () => isWritten(directory) })
  const interrupt = interrupts(() => process.exit(EXIT.ok.code))
  if (json) printJson({ url: dashboard.url })
  else print(dashboard.url)
  say('peergrad: the address works once, in one browser; Ctrl+C ends')
  if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort')
  await dashboard.close()
  interrupt.close()
  return EXIT.ok.code
}

/** The result is written last; a run that goes on again writes events after it. */
function isOver(events: string, result: string): boolean {
  return existsSync(result) && statSync(result).mtimeMs >= statSync(events).mtimeMs
}
