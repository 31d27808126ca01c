// What the set-up scripts of this folder share: a cache folder, commands, npm packages, a check in a worker thread.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const started = performance.now()

/** Progress, with the seconds since the start, on standard error. */
export const say = (text) => process.stderr.write(`[${((performance.now() - started) / 1000).toFixed(1)} s] ${text}\n`)

/** Ends the script: what happened, and what to do about it. */
export const stop = (what, advice) => {
  process.stderr.write(`\n${what}\n${advice}\n`)
  process.exit(1)
}

/** The git-ignored folder of one engine; a package.json keeps npm from climbing to the workspace. */
export const cacheFolder = (name) => {
  const folder = join(root, '.cache', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  return folder
}

/** Runs a command to its end; a failure ends the script with the advice. Returns what it printed. */
export const run = (command, args, { cwd, advice }) => {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (result.error !== undefined) stop(`${command} could not be started: ${result.error.message}`, advice)
  if (result.status !== 0) {
    const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-15).join('\n')
    stop(`${command} ${args.join(' ')}\nended with ${result.status ?? result.signal}:\n${output}`, advice)
  }
  return result.stdout
}

const versionIn = (modules, name) => {
  const file = join(modules, name, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined
}

/**
 * Installs packages ({ name: version }) without their install scripts, unless these versions are there already. Then
 * the packages of tfjs that the engine holds replace the copies, so that one program has one tfjs-core, as it has
 * when a user installs these packages beside the engine.
 */
export const installPackages = (folder, versions) => {
  const modules = join(folder, 'node_modules')
  const wanted = Object.entries(versions)
  if (wanted.some(([name, version]) => versionIn(modules, name) !== version)) {
    const packages = wanted.map(([name, version]) => `${name}@${version}`)
    say(`installing ${packages.join(', ')} into ${folder} (no install scripts)`)
    rmSync(modules, { recursive: true, force: true })
    run('npm', ['install', '--ignore-scripts', '--no-save', '--no-package-lock', '--loglevel=error', ...packages], {
      cwd: folder,
      advice: 'Is the npm registry reachable? Try `npm ping`, and run this script again.'
    })
  }
  for (const name of ['tfjs-core', 'tfjs-layers', 'tfjs-backend-cpu']) {
    const engines = join(root, 'packages', 'engine', 'node_modules', '@tensorflow', name)
    if (!existsSync(engines)) {
      stop(`${engines} is missing: the workspace is not installed.`, 'Run `pnpm install` in the repository first.')
    }
    const copy = join(modules, '@tensorflow', name)
    rmSync(copy, { recursive: true, force: true })
    symlinkSync(realpathSync(engines), copy)
  }
}

/** A `require` that resolves from a cache folder. */
export const requireFrom = (folder) => createRequire(join(folder, 'package.json'))

/** Runs a check in a worker thread, where the engine runs its back ends, and waits for it. */
export const checkInWorker = async (file, workerData) => {
  const worker = new Worker(new URL(file, import.meta.url), { workerData })
  const code = await new Promise((resolve, reject) => worker.on('error', reject).on('exit', resolve))
  if (code !== 0) process.exit(code)
}
