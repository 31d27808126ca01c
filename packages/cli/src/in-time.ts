import { PeergradError, whenOverdue } from '@peergrad/core'

/** What a plug-in's work comes to. Error `crashed` names one that has waited so many milliseconds for what does not come. */
export async function inTime<T>(who: string, milliseconds: number, work: Promise<T>): Promise<T> {
  let unwatch = () => {}
  const late = new Promise<never>((_, reject) => {
    const message = `${who} did not end its work within ${milliseconds / 1000} s`
    unwatch = whenOverdue(milliseconds, () => reject(new PeergradError('crashed', message, { plugin: who })))
  })
  return Promise.race([work, late]).finally(unwatch)
}
