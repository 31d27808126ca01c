/** `pnpm bench NAME [--quick]`: runs bench/NAME/index.mjs, which prints its table and writes it to bench/results/. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isStale } from '../packages/cli/bin/compiled.js'

const HERE = import.meta.dirname
const names = readdirSync(HERE)
  .filter((name) => existsSync(join(HERE, name, 'index.mjs')))
  .sort()

const words = process.argv.slice(2).filter((word) => word !== '--')
const quick = words.includes('--quick')
const unknown = words.filter((word) => word.startsWith('-') && word !== '--quick')
const [name, ...more] = words.filter((word) => !word.startsWith('-'))

if (name === undefined || !names.includes(name) || more.length > 0 || unknown.length > 0) {
  const got = words.length === 0 ? 'nothing' : words.join(' ')
  process.stderr.write(
    `bench: got ${got}, expected one of ${names.join(', ')}: pnpm bench ${names[0] ?? 'NAME'} [--quick]\n`
  )
  process.exitCode = 2
} else if (isStale()) {
  process.stderr.write('bench: the packages were compiled after they were bundled; run npm run build\n')
  process.exitCode = 2
} else {
  const { run } = await import(pathToFileURL(join(HERE, name, 'index.mjs')).href)
  await run({ quick })
}
