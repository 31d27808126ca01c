import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs the whole suite, or the files given, and prints the true count as the last line. Resolves to the exit code. */
export async function test(files) {
  const scratch = mkdtempSync(join(tmpdir(), 'peergrad-test-'))
  const report = join(scratch, 'report.json')
  try {
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code } = await run(process.execPath, [vitest, 'run', ...reporters, ...files], {
      cwd: ROOT,
      stdio: 'inherit'
    })
    if (!existsSync(report)) {
      process.stderr.write('the test runner ended before it could report\n')
      return code || 1
    }
    const results = JSON.parse(readFileSync(report, 'utf8'))
    const counts = count(results)
    if (code !== 0 && counts.failed === 0) {
      process.stderr.write('no test failed, and yet the run did: an error outside of the tests, shown above\n')
      counts.failed = 1
    }
    for (const suite of skippedSuites(results)) process.stdout.write(`did not run: ${suite}\n`)
    process.stdout.write(`${countLine(counts)}\n`)
    return counts.failed > 0 ? code || 1 : 0
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A file that fails to load has no tests and is one failure. */
export function count(report) {
  const results = report.testResults.flatMap((file) => {
    const unloaded = file.status === 'failed' && !file.assertionResults.some((each) => each.status === 'failed')
    return [...file.assertionResults.map((each) => each.status), ...(unloaded ? ['failed'] : [])]
  })
  const of = (...statuses) => results.filter((status) => statuses.includes(status)).length
  return { passed: of('passed'), failed: of('failed'), skipped: of(...SKIPPED) }
}

const SKIPPED = ['skipped', 'pending', 'todo', 'disabled']

/** Suites with tests that did not run, by file; their titles say why. */
export function skippedSuites(report) {
  const counts = new Map()
  for (const { name, assertionResults } of report.testResults) {
    for (const { status, ancestorTitles, title } of assertionResults) {
      if (!SKIPPED.includes(status)) continue
      const suite = `${relative(ROOT, name)}: ${ancestorTitles.slice(0, 2).join(' › ') || title}`
      counts.set(suite, (counts.get(suite) ?? 0) + 1)
    }
  }
  return [...counts].map(([suite, tests]) => `${suite} (${tests} ${tests === 1 ? 'test' : 'tests'})`)
}

export function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
