import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OPTION_NAMES, optionsToManifest, resolveOptions } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { blocksOf, commandsOf, pages, pageText } from '../../../test/utils/documents.js'
import { COMMANDS } from '../src/commands/index.js'
import { checkComponents, createStrategy } from '../src/compose.js'
import { ATTACKS } from '../src/craft/byzfl-names.js'
import { listAttacks } from '../src/lab/list.js'
import { parseCommandLine } from '../src/parse.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const PAGES = pages()

const flagsOf = async (words: readonly string[]) => {
  const parsed = await parseCommandLine(words, COMMANDS, '0')
  if ('print' in parsed) expect.unreachable('it prints a text')
  return parsed.call.options
}

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

describe('the README', () => {
  const blocks = (language: string) => blocksOf('README.md').filter((block) => block.language === language)

  test('has the rule that is the example', () => {
    expect(blocks('js').map(({ text }) => text)).toEqual([readFileSync(join(ROOT, 'examples', 'trimmed.mjs'), 'utf8')])
  })

  test('has a run file that is one', async () => {
    const files = blocks('yaml')
    expect(files).toHaveLength(1)
    await check({ file: { name: 'README.md', values: parseYaml(files[0]!.text) } })
  })

  test('has commands', () => expect(commandsOf('README.md').length).toBeGreaterThan(3))

  test.each(commandsOf('README.md').map((words) => [words.join(' '), words] as const))('%s', async (_, words) => {
    await check({ flags: await flagsOf(words) })
  })
})

test.each(PAGES.filter((page) => commandsOf(page).length > 0))(
  '%s: each command has options that are there, with values in their range',
  async (page) => {
    for (const words of commandsOf(page)) {
      const told = `peergrad ${words.join(' ')}`
      const checked = flagsOf(words).then((flags) => resolveOptions({ flags }))
      await expect(checked, told).resolves.toBeDefined()
    }
  }
)

test('run files of the guide are run files', async () => {
  const files = PAGES.flatMap(blocksOf).filter(({ file }) => file?.endsWith('run.yaml'))
  expect(files.length).toBeGreaterThan(0)
  for (const { file, text } of files) await check({ file: { name: file!, values: parseYaml(text) } })
})

test('the guide lists every option that a strategy has', async () => {
  const rows = pageText('docs/guide/strategies.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  const missing: string[] = []
  for (const name of strategies.entries.keys()) {
    const refusal = await createStrategy(`${name}:what-it-has-not=1`, { minibatches: 1, every: 1 }).catch(String)
    const names = /expected one of (.*)/.exec(String(refusal))![1]!.split(', ')
    const row = rows.findLast((line) => line.split('|')[1]!.includes(`\`${name}\``)) ?? ''
    missing.push(...names.filter((option) => !row.includes(`\`${option}\``)).map((option) => `${name}: ${option}`))
  }
  expect(missing).toEqual([])
})

test('the guide lists every attack with its options, what it is told, its source, and its name in ByzFL', async () => {
  const rows = pageText('docs/guide/attack.md')
    .split('\n')
    .filter((line) => /^\| `[^-]/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const missing: string[] = []
  const listed = await listAttacks()
  for (const { name, level, options, knows, describe: text, simulated } of listed) {
    const row = rows.find(([, first]) => first === `\`${name}\``) ?? []
    const [, , levelCell = '', optionsCell = '', told = '', source = ''] = row
    const years = [...text.matchAll(/\b(19|20)\d\d\b/g)].map(([year]) => year)
    const all = [
      levelCell === (simulated ? level : `${level}, on a socket`) || `level ${level}`,
      ...options.map((option) => optionsCell.includes(`\`${option}\``) || `option ${option}`),
      options.length > 0 || optionsCell === '–' || 'options that it has not',
      knows.every((word) => told.includes(word)) || `told ${knows.join()}`,
      years.every((year) => source.includes(year)) || `source ${years.join()}`
    ]
    missing.push(...all.filter((what) => what !== true).map((what) => `${name}: ${what}`))
  }
  expect(missing).toEqual([])
  const theirs = rows.flatMap(([, name, , , , , byzfl = '–']) => (/^`\w+`$/.test(byzfl) ? [[name, byzfl]] : []))
  const known = theirs.map(([, byzfl]) => {
    const name = byzfl!.replaceAll('`', '')
    return `\`${ATTACKS.aliases[name]?.name ?? name}\``
  })
  // infinity has no counterpart by hand
  expect(known.filter((name) => name !== '`Inf`')).toEqual(
    theirs.map(([name]) => name).filter((name) => name !== '`infinity`')
  )
})

test('the options that pages name are options', () => {
  const known = new Set<string>([...OPTION_NAMES, ...COMMANDS.flatMap(({ flags }) => Object.keys(flags))])
  const ofOthers = /^(frozen-lockfile|draw|loadmodule|help|check|network)$/
  const unknown = PAGES.flatMap((page) =>
    [...pageText(page).matchAll(/`--([a-z][a-z-]*)/g)]
      .map(([, word]) => word!)
      .filter((word) => !known.has(word) && !ofOthers.test(word))
      .map((word) => `${page}: --${word}`)
  )
  expect(unknown).toEqual([])
})

/** What a heading is called in links, as GitHub does it. */
const anchors = (page: string) =>
  [
    ...pageText(page)
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/^#+ (.*)$/gm)
  ].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
  )

test('links of the pages lead somewhere', () => {
  const broken = PAGES.flatMap((page) => {
    const links = [...pageText(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)]
    return links.flatMap(([, path, anchor]) => {
      const target = path === '' ? page : join(dirname(page), path!)
      if (!existsSync(join(ROOT, target))) return [`${page}: ${path}`]
      const led = anchor === undefined || !target.endsWith('.md') || anchors(target).includes(anchor)
      return led ? [] : [`${page}: ${path}#${anchor}`]
    })
  })
  expect(broken).toEqual([])
})
