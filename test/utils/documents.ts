import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')

/** A fenced block of a page. */
export interface Block {
  readonly language: string
  readonly text: string
  /** `<!-- file: NAME -->` before it: the file that it is */
  readonly file: string | undefined
  /** `<!-- run -->` or `<!-- run: FLAGS -->` before it: it is run, with these flags for each `train` in it */
  readonly run: string | undefined
}

/** Paths of all pages for people, from the root of the repository. */
export function pages(): string[] {
  const below = (folder: string) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  return [...readdirSync(ROOT), ...below('docs'), ...below('examples')].filter(
    (name) => name.endsWith('.md') && !/node_modules|^CHANGELOG/.test(name)
  )
}

export function pageText(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

export function blocksOf(page: string): Block[] {
  const blocks = pageText(page).matchAll(/^(?:<!-- (file|run)(?:: ([^\n]*?))? -->\n\n)?```(\w*)\n(.*?)^```$/gms)
  return [...blocks].map(([, marker, value = '', language, text]) => ({
    language: language!,
    text: text!,
    file: marker === 'file' ? value : undefined,
    run: marker === 'run' ? value : undefined
  }))
}

/** Arguments of each `peergrad` command in the page's blocks, fenced and indented, without what only stands for a value. */
export function commandsOf(page: string): string[][] {
  const fenced = blocksOf(page).flatMap(({ language, text }) => (language === 'sh' ? linesOf(text) : []))
  const indented = linesOf(pageText(page).replaceAll(/^```.*?^```$/gms, '')).filter((line) => line.startsWith('    '))
  return [...fenced, ...indented].flatMap((line) => {
    const [, command] = /(?:^|[|&] )(?:npx )?peergrad +(.*)$/.exec(line.trim()) ?? []
    return command === undefined ? [] : [words(command)]
  })
}

function linesOf(text: string): string[] {
  return text.replaceAll(/ \\\n */g, ' ').split('\n')
}

/** The words of a command line up to a comment, pipe or redirection. */
function words(command: string): string[] {
  const found = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
  const end = found.findIndex((word) => /^([#<>|]|&&)/.test(word))
  return (end < 0 ? found : found.slice(0, end)).filter((word) => word !== '…' && !/^\[.*\]$/.test(word))
}
