import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { page as comparePage } from '../compare/page.js'
import { markdown as compareMarkdown } from '../compare/report.js'
import { directory as makeDirectory, writeWhole } from '../files.js'
import { html as attackPage, markdown as attackMarkdown } from '../lab/report.js'
import { page } from '../output/page.js'
import { markdownReport } from '../output/report.js'
import { trainReport } from './train.js'

interface Written {
  readonly html: string
  readonly markdown: string
}

/** Kinds of directories that can be reported on, told apart by the file that each has. */
const KINDS: readonly { readonly file: string; readonly read: (directory: string) => Promise<Written> }[] = [
  { file: 'compare.json', read: kept('compare.json', comparePage, compareMarkdown) },
  { file: 'attack.json', read: kept('attack.json', attackPage, attackMarkdown) },
  {
    file: 'events.ndjson',
    read: async (directory) => {
      const report = await trainReport(directory)
      return { html: page(report), markdown: markdownReport(report) }
    }
  }
]

/** The files of a report. */
export interface Reported {
  readonly html: string
  readonly markdown: string
}

/**
 * Writes `report.html` and `report.md` of a run, a comparison or attacks into `out`. Errors: `missing` when the directory is
 * none of them, and those of reading and writing.
 */
export async function writeReportOf(directory: string, out: string): Promise<Reported> {
  const kind = KINDS.find(({ file }) => existsSync(join(directory, file)))
  if (kind === undefined) {
    const message = `report: in ${directory} there is none of ${KINDS.map(({ file }) => file).join(', ')}; expected a directory that train, peer, compare or attack wrote`
    throw new PeergradError('missing', message, { path: directory })
  }
  const report = await kind.read(directory)
  const into = makeDirectory(out)
  const files = { html: join(into, 'report.html'), markdown: join(into, 'report.md') }
  writeWhole(files.html, report.html)
  writeWhole(files.markdown, report.markdown)
  return files
}

/** What is in a file of JSON, written again. */
function kept<T>(name: string, html: (document: T) => string, markdown: (document: T) => string) {
  return async (directory: string): Promise<Written> => {
    const file = join(directory, name)
    try {
      const document = JSON.parse(await readFile(file, 'utf8')) as T
      return { html: html(document), markdown: markdown(document) }
    } catch (cause) {
      throw new PeergradError(
        'corrupt',
        `${file}: is no report; run the command anew with the same --out`,
        { file },
        { cause }
      )
    }
  }
}
