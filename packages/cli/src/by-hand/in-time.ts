import { PeergradError, whenOverdue } from '@peergrad/core'

/** Milliseconds: a run's deadline and grace, as they are unless it says others. */
const PATIENCE = 32_000

/** What a plug-in's work comes to. Error `crashed` names one that has waited so long for what does not come. */
export async function inTime<T>(who: string, work: Promise<T>): Promise<T> {
  let unwatch = () => {}
  const late = new Promise<never>((_, reject) => {
    const message = `${who} did not end its work within ${PATIENCE / 1000} s`
    unwatch = whenOverdue(PATIENCE, () => reject(new PeergradError('crashed', message, { plugin: who })))
  })
  return Promise.race([work, late]).finally(unwatch)
}
