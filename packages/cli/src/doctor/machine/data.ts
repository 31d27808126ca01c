import { isBuiltIn, shown, type Options } from '@peergrad/core'
import { datasets, datasetSource } from '@peergrad/engine'
import { cacheDirectory } from '../../compose.js'
import { bytes } from '../../output/units.js'
import { datasetHere } from '../../peer/data-here.js'
import { findings, type Finding } from '../finding.js'

const { ok, warn, failed } = findings('data')

/** Whether the data set is here, or how much is fetched when a peer starts. */
export async function data(name: string, options: Options): Promise<Finding> {
  try {
    const here = datasetHere(name, options.data)
    const source = await datasetSource(here)
    const found = await source.find?.({ cacheDirectory: cacheDirectory(options) })
    if (found === undefined) return ok(`${source.name}: ${source.describe}`)
    const { where, missing } = found
    if (missing === 0) return ok(`${here}: in ${where}`, { where })
    const what = `${here}: not here yet; a peer fetches ${bytes(missing)} when it starts`
    return warn('data-not-fetched', what, `fetch them now: peergrad data ${here}`, { where, missing })
  } catch (thrown) {
    return failed(thrown, 'no-data', 'fail', 'check the path, or give the data set with --dataset')
  }
}

/** The same of a data set that a peer names: a module is not loaded because a stranger says its name. */
export async function dataToldOf(name: string, options: Options): Promise<Finding> {
  if (isBuiltIn(datasets, name)) return data(name, options)
  const what = `${shown(name)}, which the peer's run names, is no built-in: it was not loaded to look`
  return warn('data-of-others', what, 'say --dataset yourself when it is one that you trust')
}
