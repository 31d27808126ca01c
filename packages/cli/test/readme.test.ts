import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { optionsToManifest, resolveOptions } from '@peergrad/core'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { COMMANDS } from '../src/commands/index.js'
import { checkComponents } from '../src/compose.js'
import { parseCommandLine } from '../src/parse.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

const blocks = (language: string) =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text!)

const commands = blocks('sh')
  .flatMap((text) => text.split('\n'))
  .filter((line) => line.startsWith('npx peergrad '))
  .map((line) => line.replace('npx peergrad ', '').replace(/\s+#.*/, ''))

/** Every name looked up, every value checked; module paths count from the root of the repository. */
async function check(sources: Parameters<typeof resolveOptions>[0]): Promise<void> {
  const here = process.cwd()
  process.chdir(ROOT)
  try {
    const { options } = resolveOptions(sources)
    await checkComponents(optionsToManifest(options), options)
  } finally {
    process.chdir(here)
  }
}

test('the rule in the README is the example', () => {
  expect(blocks('js')).toEqual([readFileSync(join(ROOT, 'examples', 'trimmed.mjs'), 'utf8')])
})

test('the run file in the README is one', async () => {
  const files = blocks('yaml')
  expect(files).toHaveLength(1)
  await check({ file: { name: 'README.md', values: parseYaml(files[0]!) } })
})

test('the README has commands', () => {
  expect(commands.length).toBeGreaterThan(3)
})

test.each(commands)('npx peergrad %s', async (line) => {
  const parsed = await parseCommandLine(line.split(/\s+/), COMMANDS, '0')
  if ('print' in parsed) expect.unreachable('it prints a text')
  else await check({ flags: parsed.call.options })
})

test('its links to files lead somewhere', () => {
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!)
  expect(links.length).toBeGreaterThan(3)
  expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([])
})
