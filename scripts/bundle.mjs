/**
 * Bundles what peers take of large libraries, `src/bundled` of each package, in the place of what the compiler made of it: a
 * thread then loads some 20 files for 900, in a third of the processor time. Without it all works as well.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { licences } from './licences.mjs'

const PACKAGES = join(import.meta.dirname, '..', 'packages')

await Promise.all([bundle('core'), bundle('peer')])

async function bundle(name) {
  const folder = join(PACKAGES, name)
  const out = join(folder, 'dist', 'bundled')
  for (const file of readdirSync(out)) if (file.startsWith('shared-')) rmSync(join(out, file))
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: ['src/bundled/*.ts'],
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: 'shared-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    charset: 'utf8',
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    // the registry of the metrics is the caller's
    external: ['prom-client'],
    // what is CommonJS asks for Node's modules by it
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  })
  writeFileSync(join(out, 'LICENCES'), `The files of this folder hold code of\n\n${licences(metafile, folder)}\n`)
}
