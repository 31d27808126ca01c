import { matrixStrategies, matrix } from './matrix.js'
import { report, type Report } from './report.js'
import { schedule } from './schedule.js'

/** What `scripts/faults.mjs` asks a process for: the schedule of a seed, or a case of the matrix. */
type FaultJob =
  | { readonly seed: number; readonly strategy?: string }
  | { readonly strategy: string; readonly index: number }
  | { readonly list: true }

const strategies = await matrixStrategies()
let stray: string[] = []
const keep = (thrown: unknown) =>
  stray.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
process.on('unhandledRejection', keep)
process.on('uncaughtException', keep)

process.on('message', (job: FaultJob) => {
  void answer(job).then((found) => process.send?.(found))
})

async function answer(job: FaultJob): Promise<Report | (readonly [strategy: string, cases: number])[]> {
  if ('list' in job) return strategies.map((name) => [name, matrix(name).length])
  const scenario =
    'seed' in job
      ? schedule(job.seed, job.strategy === undefined ? strategies : [job.strategy])
      : matrix(job.strategy)[job.index].scenario
  return withStray(await report(scenario))
}

/** An error that nobody caught is one of the scenario that ran. */
function withStray(found: Report): Report {
  if (stray.length === 0) return found
  const wrong = [...found.breaches.wrong, ...stray.map((error) => `nobody caught ${error}`)]
  stray = []
  return { ...found, breaches: { ...found.breaches, wrong } }
}
