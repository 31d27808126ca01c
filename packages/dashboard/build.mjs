/** Bundles the page into one file that asks for nothing outside: dist/dashboard.html, with script and style in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const HERE = import.meta.dirname
const OUT = join(HERE, 'dist', 'dashboard.html')

const { outputFiles, metafile } = await build({
  absWorkingDir: HERE,
  entryPoints: ['src/main.tsx'],
  outdir: 'dist',
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none'
})
const text = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text
const page = readFileSync(join(HERE, 'src', 'page.html'), 'utf8')
  .replace('<!-- licences -->', () => `<!--\n${licences()}\n-->`)
  .replace('<!-- style -->', () => `<style>${text('.css')}</style>`)
  .replace('<!-- script -->', () => `<script>${text('.js')}</script>`)
mkdirSync(dirname(OUT), { recursive: true })
writeFileSync(OUT, page)

/** Of every package whose code is in the page. */
function licences() {
  const folders = Object.keys(metafile.inputs).flatMap(
    (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []
  )
  const texts = [...new Set(folders)].map((folder) => {
    const whole = join(HERE, folder)
    const { name, version } = JSON.parse(readFileSync(join(whole, 'package.json'), 'utf8'))
    const file = readdirSync(whole).find((each) => /^licen[cs]e/i.test(each))
    const licence = file !== undefined && existsSync(join(whole, file)) ? readFileSync(join(whole, file), 'utf8') : ''
    return `${name} ${version}\n${licence.trim()}`
  })
  return `In this page is code of\n\n${texts.join('\n\n')}`.replaceAll('-->', '--&gt;')
}
