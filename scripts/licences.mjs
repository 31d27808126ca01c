import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const APACHE = join(import.meta.dirname, '..', 'LICENSE')

/**
 * Name, licence and notices of every package whose code is in a bundle, of esbuild's metafile with paths that count from
 * `folder`. Many name the Apache licence and bring no text of it: it stands once at the end.
 */
export function licences(metafile, folder) {
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []
  )
  const texts = [...new Set(packages)].map((each) => textOf(join(folder, each)))
  const bare = texts.some(({ text }) => text === '')
  const all = texts.map(({ title, text }) => `${title}\n${text}`.trim())
  if (bare)
    all.push(
      `Apache License 2.0, for those above that name it and bring no text\n${readFileSync(APACHE, 'utf8').trim()}`
    )
  return all.join('\n\n')
}

function textOf(folder) {
  const {
    name,
    version,
    license = 'licence not named',
    author
  } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const by = typeof author === 'object' ? author.name : author
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
  return { title: [`${name} ${version}: ${license}`, ...(by ? [by] : [])].join(', '), text }
}
