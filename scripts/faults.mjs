/**
 * `pnpm test:faults`: the whole matrix of moments and blows and 1,000 random schedules of faults, on the virtual clock,
 * a process for each processor. Progress goes to standard error, the table to standard output.
 *
 *   --schedules N        so many random schedules; 1000 unless given
 *   --first N            seed of the first one; 0 unless given
 *   --seed N             this one only, with all that happened
 *   --strategy S         of this strategy only, also in the schedules
 *   --strategy S --case N  this case of the matrix only, with all that happened
 *   --json               one JSON document instead of the table
 */
import { fork } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { machine } from '../bench/machine.mjs'

const ROOT = join(import.meta.dirname, '..')
/** Inside the workspace, so that its packages are found; each call has its own, for several may run at once. */
const COMPILED = join(ROOT, '.cache', 'faults', String(process.pid))
/** Scenarios between two reports where nobody watches. */
const STEP = 50
const LAWS = ['hung', 'diverged', 'lost', 'excluded', 'late', 'silent', 'wrong']
const MEASURES = {
  detect: 'fault to first suspicion',
  agree: 'suspicion to a view without it everywhere',
  recover: 'view to the next round everywhere',
  rejoin: 'return or start to a view with it everywhere'
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    schedules: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string' },
    strategy: { type: 'string' },
    case: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})

compile()
const known = await strategiesKnown()
const wrong = whatIsWrong(values)
if (wrong !== undefined) {
  process.stderr.write(`test:faults: ${wrong}\n`)
  process.exitCode = 2
} else if (values.seed !== undefined) await replay({ seed: Number(values.seed), strategy: values.strategy })
else if (values.case !== undefined) await replay({ strategy: values.strategy, index: Number(values.case) })
else await everything()

/** Each strategy with the number of its cases. */
async function strategiesKnown() {
  const worker = start()
  const found = await ask(worker, { list: true })
  worker.kill()
  if (!Array.isArray(found)) throw new Error(found.breaches.wrong.join())
  return new Map(found)
}

/** Undefined when nothing is. */
function whatIsWrong({ schedules, first, seed, strategy, case: index }) {
  const numbers = Object.entries({ schedules, first, seed, case: index })
  const [word, got] = numbers.find(([, value]) => value !== undefined && !/^\d{1,9}$/.test(value)) ?? []
  if (word !== undefined) return `--${word}: got ${got}, expected a whole number from 0`
  if (strategy !== undefined && !known.has(strategy))
    return `--strategy: got ${strategy}, expected one of ${[...known.keys()].join(', ')}`
  if (index === undefined) return undefined
  if (strategy === undefined)
    return `--case: got ${index} without --strategy, expected the strategy that it is a case of`
  const count = known.get(strategy)
  return Number(index) < count
    ? undefined
    : `--case: got ${index}, expected one below ${count}: so many has ${strategy}`
}

async function everything() {
  const strategies = [...known].filter(([name]) => [name, undefined].includes(values.strategy))
  const cases = strategies.flatMap(([strategy, count]) =>
    Array.from({ length: count }, (_, index) => ({ strategy, index }))
  )
  const seeds = Array.from({ length: Number(values.schedules) }, (_, index) => ({
    seed: Number(values.first) + index,
    strategy: values.strategy
  }))
  const jobs = [...cases, ...seeds]
  const begun = performance.now()
  const found = await runAll(jobs)
  const seconds = (performance.now() - begun) / 1000
  const bad = found.filter(({ report }) => isBad(report))
  const result = { matrix: cases.length, random: seeds.length, seconds, ...summary(found.map(({ report }) => report)) }
  if (values.json) {
    const failures = bad.map(({ job, report }) => ({ ...job, words: report.words, breaches: report.breaches }))
    process.stdout.write(`${JSON.stringify({ ...result, failures }, undefined, 2)}\n`)
  } else {
    process.stdout.write(table(result))
  }
  process.exitCode = bad.length === 0 ? 0 : 1
}

async function runAll(jobs) {
  const todo = jobs.entries()
  const found = new Array(jobs.length)
  let done = 0
  let bad = 0
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  process.stderr.write('\n')
  return found

  async function work() {
    let worker = start()
    for (const [index, job] of todo) {
      const report = await ask(worker, job)
      if (report.died) worker = start()
      found[index] = { job, report }
      done += 1
      if (isBad(report)) {
        bad += 1
        process.stderr.write(`\r${complaint(job, report)}\n`)
      }
      if (process.stderr.isTTY || done % STEP === 0) process.stderr.write(`\r${done} of ${jobs.length}, ${bad} bad `)
    }
    worker.kill()
  }
}

async function replay(job) {
  const worker = start()
  const report = await ask(worker, job)
  worker.kill()
  process.stdout.write(`${[report.words, ...report.timeline].join('\n')}\n`)
  if (isBad(report)) process.stderr.write(`${complaint(job, report)}\n`)
  process.exitCode = isBad(report) ? 1 : 0
}

function start() {
  return fork(join(COMPILED, 'sim', 'fault-worker.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

/** What a process that ended instead of answering would have said is that. */
function ask(worker, job) {
  return new Promise((resolve) => {
    const settle = (answer) => {
      worker.off('message', settle)
      worker.off('exit', onExit)
      resolve(answer)
    }
    const onExit = (code, signal) => {
      const breaches = Object.fromEntries(LAWS.map((law) => [law, []]))
      breaches.wrong = [`the process ended with ${signal ?? code}`]
      settle({ died: true, words: JSON.stringify(job), breaches, measures: {}, rounds: 0, timeline: [] })
    }
    worker.on('message', settle)
    worker.on('exit', onExit)
    worker.send(job)
  })
}

function isBad({ breaches }) {
  return LAWS.some((law) => breaches[law].length > 0)
}

function complaint(job, { words, breaches }) {
  const of = job.strategy === undefined ? '' : `--strategy ${job.strategy} `
  const again = of + (job.seed === undefined ? `--case ${job.index}` : `--seed ${job.seed}`)
  const lines = LAWS.flatMap((law) => breaches[law].map((what) => `  ${law}: ${what}`))
  return [words, ...lines, `  again: pnpm test:faults ${again}`].join('\n')
}

function summary(reports) {
  const laws = LAWS.map((law) => [law, reports.filter(({ breaches }) => breaches[law].length > 0).length])
  const times = Object.keys(MEASURES).map((name) => {
    const sorted = reports.flatMap(({ measures }) => measures[name] ?? []).sort((a, b) => a - b)
    return [
      name,
      { count: sorted.length, median: (sorted[sorted.length >> 1] ?? 0) / 1000, worst: (sorted.at(-1) ?? 0) / 1000 }
    ]
  })
  return {
    rounds: reports.reduce((sum, { rounds }) => sum + rounds, 0),
    stranded: reports.filter(({ stranded }) => stranded).length,
    missed: reports.filter(({ missed }) => missed).length,
    ...Object.fromEntries(laws),
    measures: Object.fromEntries(times)
  }
}

function table({ matrix, random, seconds, rounds, stranded, missed, measures, ...laws }) {
  const schedules = matrix + random
  return `# Faults on the virtual clock

\`pnpm test:faults ${values.strategy === undefined ? '' : `--strategy ${values.strategy} `}${Number(values.first) === 0 ? '' : `--first ${values.first} `}--schedules ${random}\`: ${matrix} cases of the matrix strategies × moments × victims × blows, and ${random} random schedules of up to three overlapping faults on 4 to 8 peers. In ${stranded} of them a majority was lost for good, and the rest was right to give up; in ${missed} a fault waited for a moment that never came. A schedule counts once in each column.

| schedules | rounds | ${LAWS.join(' | ')} | schedules a second |
|---|---|${LAWS.map(() => '---|').join('')}---|
| ${schedules} | ${rounds} | ${LAWS.map((law) => laws[law]).join(' | ')} | ${(schedules / seconds).toFixed(1)} |

| virtual seconds | | median | worst | times |
|---|---|---|---|---|
${Object.entries(MEASURES)
  .map(([name, what]) => {
    const { median, worst, count } = measures[name]
    return `| ${name} | ${what} | ${median.toFixed(2)} | ${worst.toFixed(2)} | ${count} |`
  })
  .join('\n')}

${machine()}
`
}

/** The harness is TypeScript, and Node from 20.19 on must run it: types are stripped, which takes no second. */
function compile() {
  process.on('exit', () => rmSync(COMPILED, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130))
  for (const folder of ['sim', 'utils']) {
    mkdirSync(join(COMPILED, folder), { recursive: true })
    for (const file of readdirSync(join(ROOT, 'test', folder))) {
      if (!file.endsWith('.ts') || /(test|suite)\.ts$/.test(file)) continue
      const source = readFileSync(join(ROOT, 'test', folder, file), 'utf8')
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
      const { outputText } = ts.transpileModule(source, { compilerOptions })
      writeFileSync(join(COMPILED, folder, file.replace(/\.ts$/, '.js')), outputText)
    }
  }
}
