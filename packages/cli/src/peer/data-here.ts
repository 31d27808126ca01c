import { PeergradError } from '@peergrad/core'

/**
 * The run's data set as this machine has it: `directory` in the place of the one that the run names. Error `argument`
 * for a data set that is in no directory.
 */
export function datasetHere(dataset: string, directory: string | undefined): string {
  if (directory === undefined) return dataset
  const at = /(?<=[:,])dir=[^,]*/
  if (at.test(dataset)) return dataset.replace(at, () => `dir=${directory}`)
  const message = `data: got ${directory}, but the run's data set ${dataset} is in no directory; leave --data out`
  throw new PeergradError('argument', message, { path: 'data' })
}
