import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names and licences of every package whose code is in a bundle, of esbuild's metafile with paths that count from `folder`. */
export function licences(metafile, folder) {
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []
  )
  const texts = [...new Set(packages)].map((each) => {
    const whole = join(folder, each)
    const { name, version } = JSON.parse(readFileSync(join(whole, 'package.json'), 'utf8'))
    const file = readdirSync(whole).find((entry) => /^licen[cs]e/i.test(entry))
    const licence = file !== undefined && existsSync(join(whole, file)) ? readFileSync(join(whole, file), 'utf8') : ''
    return `${name} ${version}\n${licence.trim()}`
  })
  return texts.join('\n\n')
}
