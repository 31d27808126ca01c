import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { finished, title, type Comparison, type Finished } from './comparison.js'
import { tables, remarks, type Table } from './tables.js'

/** Script and style of the page, as a browser takes them. */
const ASSETS = join(import.meta.dirname, '../../page')
const UPLOT = fileURLToPath(import.meta.resolve('uplot/dist/uPlot.iife.min.js'))

/** What the script draws of one strategy; all but the name as columns of equal length. */
interface Curve {
  readonly strategy: string
  readonly rounds: Points & { readonly loss: readonly number[] }
  readonly evaluations: Points & { readonly accuracy: readonly number[] }
}

interface Points {
  readonly seconds: readonly number[]
  /** sent by all peers */
  readonly bytes: readonly number[]
  readonly steps: readonly number[]
}

/**
 * `compare.html`: one file that asks for nothing outside. Its content security policy lets nothing run or apply but
 * the scripts and styles in it, by their hashes.
 */
export function page(comparison: Comparison): string {
  const styles = [readFileSync(join(UPLOT, '../uPlot.min.css'), 'utf8'), asset('compare.css')]
  const scripts = [readFileSync(UPLOT, 'utf8'), asset('compare.js')]
  const policy = `default-src 'none'; script-src ${hashes(scripts)}; style-src ${hashes(styles)}`
  const { command, machine, date } = comparison
  const curves = finished(comparison).map(curve)
  const remarked = remarks(comparison).map((each) => `<li>${html(each)}</li>`)
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
<title>${html(title(comparison))}</title>
${styles.map((style) => `<style>${style}</style>`).join('\n')}
</head>
<body>
<h1>${html(title(comparison))}</h1>
<p><code>${html(command)}</code></p>
<p>${html(machine)}, ${html(date.slice(0, 10))}</p>
${remarked.length > 0 ? `<ul class="remarked">${remarked.join('')}</ul>` : ''}
<section id="charts" aria-label="Curves; their numbers are in compare.json"></section>
${tables(comparison).map(section).join('\n')}
<script type="application/json" id="curves">${json(curves)}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`
}

function curve({ strategy, steps, rounds: synchronisations, history }: Finished): Curve {
  const stepsOf = (round: number) => ((round + 1) * steps) / synchronisations
  const points = (of: readonly { readonly round: number; readonly seconds: number; readonly sent: number }[]) => ({
    seconds: of.map(({ seconds }) => seconds),
    bytes: of.map(({ sent }) => sent),
    steps: of.map(({ round }) => stepsOf(round))
  })
  const { rounds, evaluations } = history
  return {
    strategy,
    rounds: { ...points(rounds), loss: rounds.map(({ loss }) => loss) },
    evaluations: { ...points(evaluations), accuracy: evaluations.map(({ accuracy }) => accuracy) }
  }
}

function section({ heading, columns, rows, notes }: Table): string {
  const head = columns.map((name) => `<th scope="col">${html(name)}</th>`)
  const body = rows.map(([strategy = '', ...cells]) => {
    const values = cells.map((cell) => `<td>${html(cell)}</td>`)
    return `<tr><th scope="row">${html(strategy)}</th>${values.join('')}</tr>`
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

function asset(name: string): string {
  return readFileSync(join(ASSETS, name), 'utf8')
}

function hashes(texts: readonly string[]): string {
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
