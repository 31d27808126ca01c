import { PeergradError, pluginError, type Dataset, type DatasetInit, type DatasetSource } from '@peergrad/core'

/** Milliseconds that a source may work without a word of how far it is. */
const PATIENCE = 600_000

/**
 * What a source of a user's loads. Errors that name it: `internal` when it throws, `argument` when it loads no object,
 * `timeout` when it neither ends nor reports anything for ten minutes; and why the signal aborted, whether it listens or not.
 */
export async function accountable(who: string, source: DatasetSource, init: DatasetInit): Promise<Dataset> {
  const { signal, report } = init
  let giveUp = (_error: unknown) => {}
  const given = new Promise<never>((_, reject) => (giveUp = reject))
  const onAbort = () => giveUp(signal?.reason)
  const late = () =>
    giveUp(
      new PeergradError(
        'timeout',
        `${who} has not loaded, and has reported nothing for ${PATIENCE / 1000} s; ` +
          'a source that needs longer must call report(message) meanwhile',
        { plugin: who }
      )
    )
  let over = false
  let timer = setTimeout(late, PATIENCE)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    const loading = source.load({
      ...init,
      report(message) {
        if (over) return
        clearTimeout(timer)
        timer = setTimeout(late, PATIENCE)
        report?.(message)
      }
    })
    const loaded: unknown = await Promise.race([loading, given])
    if (typeof loaded === 'object' && loaded !== null) return loaded as Dataset
    throw new PeergradError('argument', `${who} loaded ${String(loaded)}, expected a data set`, { plugin: who })
  } catch (thrown) {
    throw signal?.aborted === true ? PeergradError.from(signal.reason) : pluginError(who, thrown)
  } finally {
    over = true
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** What is wrong with the data that a source of a user's loaded, as an error that names it. */
export function wrongData(who: string, thrown: unknown): PeergradError {
  const error = pluginError(who, thrown)
  const { code, message, data } = error
  if (data['plugin'] !== undefined) return error
  return new PeergradError(code, `${who}: ${message}`, { ...data, plugin: who }, { cause: thrown })
}
