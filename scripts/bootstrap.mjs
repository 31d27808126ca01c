/**
 * `npm start` and `npm test` on a machine that has Node and npm and nothing else: installs with the pinned pnpm when
 * the lockfile is new, builds, and goes on. Everything after `npm start --` goes to `peergrad train`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WORKSPACE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const STAMP = join(ROOT, 'node_modules', '.peergrad-installed')

checkNode()
await install()
await build()
const [command, ...rest] = process.argv.slice(2)
if (command === 'start') {
  process.argv.splice(2, Infinity, 'train', ...rest)
  await import('../packages/cli/bin/peergrad.js')
} else if (command === 'test') {
  await buildModule()
  const { test } = await import('./test.mjs')
  process.exitCode = await test(rest)
} else {
  fail(`got "${command ?? ''}", expected start or test: node scripts/bootstrap.mjs start`)
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantMajor = 0, wantMinor = 0] = WORKSPACE.engines.node.replace('>=', '').split('.').map(Number)
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return
  fail(
    `Node: got ${process.versions.node}, expected ≥ ${wantMajor}.${wantMinor}. Install a newer one: https://nodejs.org/en/download`
  )
}

async function install() {
  const lock = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    lock.update(readFileSync(join(ROOT, file)))
  const digest = lock.update(process.versions.modules).digest('hex')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return
  const manager = WORKSPACE.packageManager
  say(`installing with ${manager} (once for each lockfile)`)
  // what npm sets for the scripts that it starts are npm's settings, and pnpm would warn about each
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package)_/.test(name))
  )
  const { code } = await run('npx', ['--yes', manager, 'install', '--frozen-lockfile', '--reporter=append-only'], {
    cwd: ROOT,
    env: { ...environment, CI: 'true' },
    stdio: ['ignore', 2, 2],
    // npx is a script of cmd.exe there
    shell: process.platform === 'win32'
  })
  if (code !== 0) {
    fail(
      `the install ended with code ${code}. It needs a package registry (npm config get registry); run the same command again when there is one.`,
      code
    )
  }
  writeFileSync(STAMP, digest)
}

async function build() {
  const compiler = join(ROOT, 'node_modules', '@typescript', 'native', 'bin', 'tsc')
  const { code } = await run(process.execPath, [compiler, '-b'], { cwd: ROOT, stdio: ['ignore', 2, 2] })
  if (code !== 0) fail('the build failed; the messages above say where.', code)
  await Promise.all([buildPage(), bundle()])
}

async function bundle() {
  const { code } = await run(process.execPath, [join(ROOT, 'scripts/bundle.mjs')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2]
  })
  if (code !== 0) fail('the bundling failed; the messages above say where.', code)
}

/** The dashboard in one file; without it everything else works, and the dashboard says what is missing. */
async function buildPage() {
  const { code } = await run(process.execPath, [join(ROOT, 'packages/dashboard/build.mjs')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2]
  })
  if (code !== 0) say('the page of the dashboard is not built, so there is none.')
}

/** Its tests say so where it is not there. */
async function buildModule() {
  const { code } = await run(process.execPath, [join(ROOT, 'packages/store/module/build.mjs')], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2]
  })
  if (code !== 0) say('the Redis module is not built, so its tests do not run.')
}

function say(text) {
  process.stderr.write(`peergrad: ${text}\n`)
}

function fail(text, code = 1) {
  say(text)
  process.exit(code || 1)
}
