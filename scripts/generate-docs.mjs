/** Writes the pages of docs that come from the source; with --check, says which are stale instead. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { commandLinePage, exitCodesPage, metricsPage } from '../packages/cli/dist/index.js'
import { referencePages } from './reference/pages.mjs'

const DOCS = join(import.meta.dirname, '..', 'docs')

const { pages: reference, undocumented } = referencePages()
const pages = {
  'guide/cli.md': commandLinePage(),
  'guide/exit-codes.md': exitCodesPage(),
  'guide/metrics.md': metricsPage(),
  ...Object.fromEntries(Object.entries(reference).map(([name, text]) => [`reference/${name}`, text]))
}

for (const what of undocumented) fail(`no docstring says what this means: ${what}`)
for (const [name, text] of Object.entries(pages)) {
  const file = join(DOCS, name)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    fail(`docs/${name} is stale: run pnpm generate`)
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}
