import { PeergradError } from '../errors.js'
import { said } from '../said.js'

/** What a plug-in threw, as a PeergradError that names it; one that was thrown on purpose stays as it is. */
export function pluginError(who: string, thrown: unknown): PeergradError {
  if (thrown instanceof PeergradError) return thrown
  return new PeergradError('internal', `${who} threw: ${said(thrown)}`, { plugin: who }, { cause: thrown })
}

/** What a call of a plug-in gives; what it throws names the plug-in. */
export function ofPlugin<T>(who: string, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    throw pluginError(who, thrown)
  }
}

/** The same of a `member` whose work must be done when it returns. Error `argument` when it gives a promise. */
export function doneByPlugin<T>(who: string, member: string, work: () => T): T {
  return ofPlugin(who, () => {
    const made = work()
    if (!isPromise(made)) return made
    const message = `${who}: ${member} gave a promise, expected it to be done when it returns`
    throw new PeergradError('argument', message, { plugin: who })
  })
}

/** Whether it is a promise; what that is rejected with, nobody waits for. */
export function isPromise(made: unknown): boolean {
  if (typeof made !== 'object' || made === null || typeof Reflect.get(made, 'then') !== 'function') return false
  Promise.resolve(made).catch(() => undefined)
  return true
}
