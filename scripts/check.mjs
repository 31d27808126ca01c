/**
 * `pnpm check`: types, lint, what is unused, import cycles, generated files and format, in a few minutes. Prints one
 * line for each, and what a failed one said.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.mjs'

const ROOT = join(import.meta.dirname, '..')

// tsc first: lint and the generated pages read what it builds, and the pages the bundles
const failed = [
  await check('types', [bin('@typescript/native', 'tsc'), '-b']),
  await check('bundles', ['scripts/bundle.mjs'])
]
const checks = [
  ['types of tests', [bin('@typescript/native', 'tsc'), '-p', 'test']],
  ['lint', [bin('eslint', 'eslint'), '--max-warnings=0', '.']],
  ['unused', [bin('knip', 'knip'), '--no-progress']],
  ['cycles', ['scripts/cycles.mjs']],
  ['format', [bin('prettier', 'prettier'), '--check', '--log-level=warn', '.']],
  ['docs', ['scripts/generate-docs.mjs', '--check']],
  ['shapes of events', ['scripts/generate-shapes.mjs', '--check']],
  ...kernels()
]
// two at a time: as many as a small machine has processors
await Promise.all([work(), work()])
process.exitCode = failed.some(Boolean) ? 1 : 0

async function work() {
  for (let next = checks.shift(); next !== undefined; next = checks.shift()) failed.push(await check(...next))
}

async function check(name, args) {
  const started = performance.now()
  const { code, output } = await run(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(
    `${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n${code === 0 ? '' : `${output.trim()}\n`}`
  )
  return code !== 0
}

/** The WebAssembly of each package that has some, compiled again and compared with what is committed. */
function kernels() {
  return readdirSync(join(ROOT, 'packages'))
    .map((name) => [`kernels of ${name}`, [join('packages', name, 'assembly', 'build.mjs'), '--check']])
    .filter(([, [script]]) => existsSync(join(ROOT, script)))
}

function bin(name, command) {
  const folder = join(ROOT, 'node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[command])
}
