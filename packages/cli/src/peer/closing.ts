import { PeergradError, type Logger } from '@peergrad/core'

export interface Closing {
  close(): Promise<void> | void
}

/** Closes in the reverse order of opening; one that fails does not keep the others open. */
export async function closeAll(opened: readonly Closing[], logger: Logger): Promise<void> {
  for (const each of [...opened].reverse()) {
    try {
      await each.close()
    } catch (thrown) {
      logger.warn({ error: PeergradError.from(thrown).message }, 'closing failed')
    }
  }
}
