import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Script and style of the pages, as a browser takes them. */
const ASSETS = join(import.meta.dirname, '../../page')
const UPLOT = fileURLToPath(import.meta.resolve('uplot/dist/uPlot.iife.min.js'))

/** Curves with one scale of x and one of y. */
export interface Figure {
  readonly caption: string
  readonly x: Scale
  readonly y: Scale
  /** mark the points of a curve */
  readonly points: boolean
  readonly curves: readonly Curve[]
}

export interface Scale {
  readonly label: string
  readonly unit: 'number' | 'bytes' | 'share' | 'loss'
}

/** Points of equal number, by rising x. */
export interface Curve {
  readonly label: string
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/** One table of a report, as text: the terminal, Markdown and the page show the same. */
export interface Table {
  readonly heading: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** what to know about the numbers */
  readonly notes: readonly string[]
  /** how much of the best each cell behind the first column has, 0 … 1, to colour it by; null where nothing is known */
  readonly heat?: readonly (readonly (number | null)[])[]
}

export interface PageInit {
  readonly title: string
  /** what made it, for a shell */
  readonly command: string
  /** where and when it was made */
  readonly made: string
  /** what is to be known beside the numbers */
  readonly remarks: readonly string[]
  /** stand above the figures, which most tables stand below */
  readonly first?: readonly Table[]
  readonly figures: readonly Figure[]
  /** where their numbers are too */
  readonly numbers: string
  readonly tables: readonly Table[]
}

/** Steps of colour that the style has. */
const HEATS = 10

/**
 * A report as one file that asks for nothing outside. Its content security policy lets nothing run or apply but the
 * scripts and styles in it, by their hashes.
 */
export function page({ title, command, made, remarks, first = [], figures, numbers, tables }: PageInit): string {
  const styles = [readFileSync(join(UPLOT, '../uPlot.min.css'), 'utf8'), asset('report.css')]
  const scripts = [readFileSync(UPLOT, 'utf8'), asset('curves.js')]
  const policy = `default-src 'none'; script-src ${hashes(scripts)}; style-src ${hashes(styles)}`
  const remarked = remarks.map((each) => `<li>${html(each)}</li>`)
  return `<!doctype html>
<!-- Drawn by uPlot, whose code is in this page:
${readFileSync(join(UPLOT, '../../LICENSE'), 'utf8').trim()}
-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html(title)}</title>
${styles.map((style) => `<style>${style}</style>`).join('\n')}
</head>
<body>
<h1>${html(title)}</h1>
<p><code>${html(command)}</code></p>
<p>${html(made)}</p>
${remarked.length > 0 ? `<ul class="remarked">${remarked.join('')}</ul>` : ''}
${first.map(section).join('\n')}
<section id="charts" aria-label="Curves; their numbers are in ${html(numbers)}"></section>
${tables.map(section).join('\n')}
<script type="application/json" id="figures">${json(figures)}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`
}

function section({ heading, columns, rows, notes, heat }: Table): string {
  const head = columns.map((name) => `<th scope="col">${html(name)}</th>`)
  const body = rows.map(([name = '', ...cells], row) => {
    const values = cells.map((cell, column) => `<td${heatClass(heat?.[row]?.[column])}>${html(cell)}</td>`)
    return `<tr><th scope="row">${html(name)}</th>${values.join('')}</tr>`
  })
  return `<section>
<h2>${html(heading)}</h2>
<div class="scroll"><table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>
${notes.map((note) => `<p>${html(note)}</p>`).join('\n')}
</section>`
}

function heatClass(share: number | null | undefined): string {
  if (share === null || share === undefined) return ''
  return ` class="heat heat-${Math.round(Math.min(1, Math.max(0, share)) * HEATS)}"`
}

function asset(name: string): string {
  return readFileSync(join(ASSETS, name), 'utf8')
}

/** Scripts or styles as a content security policy names them. */
export function hashes(texts: readonly string[]): string {
  return texts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ')
}

function html(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;'
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** JSON that cannot end the element that it stands in. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
