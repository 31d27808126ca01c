/** Bundles the page into one file that asks for nothing outside: dist/dashboard.html, with script and style in it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { licences } from '../../scripts/licences.mjs'

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
  .replace(
    '<!-- licences -->',
    () => `<!--\nIn this page is code of\n\n${licences(metafile, HERE).replaceAll('-->', '--&gt;')}\n-->`
  )
  .replace('<!-- style -->', () => `<style>${text('.css')}</style>`)
  .replace('<!-- script -->', () => `<script>${text('.js')}</script>`)
mkdirSync(dirname(OUT), { recursive: true })
writeFileSync(OUT, page)
