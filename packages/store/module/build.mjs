/**
 * Builds dist/peergrad.so, the module that a Redis server loads (`--loadmodule`). Does nothing when it is newer than its
 * sources. `CC` names another compiler, `PEERGRAD_CFLAGS` adds to its flags (and always builds). With `PEERGRAD_STRICT`, as in
 * CI, a warning is an error: a compiler that warns of something new must not keep a user from building.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = import.meta.dirname
const OUTPUT = join(FOLDER, 'dist', 'peergrad.so')
// contraction and fast-math would change bits: core's kernels round every operation by itself
const FLAGS = (
  '-std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -fno-fast-math -fno-math-errno -fPIC -shared -pthread ' +
  '-fvisibility=default -Wall -Wextra'
).split(' ')
if (process.env.PEERGRAD_STRICT) FLAGS.push('-Werror')

const files = readdirSync(FOLDER).map((name) => join(FOLDER, name))
const sources = files.filter((file) => file.endsWith('.c'))
const inputs = files.filter((file) => /\.(c|h|mjs)$/.test(file))
const extra = (process.env.PEERGRAD_CFLAGS ?? '').split(' ').filter((flag) => flag !== '')

if (
  extra.length > 0 ||
  !existsSync(OUTPUT) ||
  inputs.some((file) => statSync(file).mtimeMs > statSync(OUTPUT).mtimeMs)
) {
  build()
}

function build() {
  mkdirSync(join(FOLDER, 'dist'), { recursive: true })
  const compiler = process.env.CC ?? 'cc'
  // beside it first: a server that has the old one loaded keeps it, and no half-written file is ever loaded
  const draft = `${OUTPUT}.${process.pid}`
  const { error, status } = spawnSync(compiler, [...FLAGS, ...extra, '-o', draft, ...sources, '-lm'], {
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (error !== undefined) {
    process.stderr.write(
      `The Redis module needs a C compiler, and "${compiler}" did not start (${error.code}): install one (Debian: apt-get install gcc libc6-dev) or name it in CC.\n`
    )
    process.exitCode = 1
  } else if (status !== 0) {
    process.exitCode = 1
  } else {
    renameSync(draft, OUTPUT)
  }
}
