import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

const PACKAGES = new URL('../../', import.meta.url)

/** Packages whose code is bundled. */
export const NAMES = ['core', 'store', 'strategies', 'engine', 'peer', 'cli']

/** Holds what the bundles were made of, by package. */
export const RECORD = new URL('cli/dist/bundled/.compiled', PACKAGES)

/** What the compiler made last of each package: when, and a hash. */
export function compiled() {
  return Object.fromEntries(NAMES.map((name) => [name, { time: timeOf(name), hash: hashOf(name) }]))
}

/**
 * Whether something was compiled since it was bundled, and so is not what would run: after a bare `tsc -b`. In the workspace
 * only: what is installed has no tsconfig.json.
 */
export function isStale() {
  if (statSync(new URL('cli/tsconfig.json', PACKAGES), { throwIfNoEntry: false }) === undefined) return false
  const record = read(RECORD)
  if (record === undefined) return false
  const bundled = JSON.parse(record)
  // a file that was only touched, or copied, is what it was
  return NAMES.some((name) => timeOf(name) !== bundled[name]?.time && hashOf(name) !== bundled[name]?.hash)
}

function timeOf(name) {
  return statSync(infoOf(name), { throwIfNoEntry: false })?.mtimeMs ?? null
}

function hashOf(name) {
  const info = read(infoOf(name))
  return info === undefined ? null : createHash('sha256').update(info).digest('hex')
}

/** The compiler writes into it a hash of each source. */
function infoOf(name) {
  return new URL(`${name}/dist/.tsbuildinfo`, PACKAGES)
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if (thrown.code === 'ENOENT') return undefined
    throw thrown
  }
}
