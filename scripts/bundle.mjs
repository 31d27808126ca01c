/**
 * Bundles `src/bundled` of each package, in the place of what the compiler made of it: a thread then loads some 20 files for
 * some hundreds, and a peer all of its threads in half of the processor time. Without it all works as well. What is found by
 * its file (workers, built-in plug-ins) is named by its folder and that, `../rules/mean.js`: that is right from a folder of the
 * source and from here.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { licences } from './licences.mjs'

const PACKAGES = join(import.meta.dirname, '..', 'packages')

/** Large libraries are bundled too, of which peers take a part. */
const LIBRARIES = {
  core: { external: ['msgpackr', 'resolve.exports', '@swc/wasm-typescript'] },
  peer: {
    // the registry of the metrics is the caller's
    external: ['@peergrad/*', 'prom-client'],
    // what is CommonJS asks for Node's modules by it
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);"
    }
  }
}
const OWN = { packages: 'external' }

await Promise.all(['core', 'store', 'strategies', 'engine', 'peer', 'cli'].map(bundle))
// `bin/peergrad.js` holds what was compiled against it
writeFileSync(join(PACKAGES, 'cli', 'dist', 'bundled', '.time'), '')

async function bundle(name) {
  const folder = join(PACKAGES, name)
  const out = join(folder, 'dist', 'bundled')
  const { metafile, outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: ['src/bundled/*.ts'],
    outdir: out,
    write: false,
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
    ...(LIBRARIES[name] ?? OWN)
  })
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]))
  const foreign = licences(metafile, folder)
  if (foreign !== '') files.set('LICENCES', Buffer.from(`The files of this folder hold code of\n\n${foreign}\n`))
  // peers may be starting from here: what they load is whole, and there, at any time
  const shared = (file) => file.startsWith('shared-')
  for (const file of [...files.keys()].sort((a, b) => shared(b) - shared(a))) put(join(out, file), files.get(file))
  for (const file of readdirSync(out)) if (shared(file) && !files.has(file)) rmSync(join(out, file))
}

function put(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  const whole = `${path}.${process.pid}`
  writeFileSync(whole, contents)
  renameSync(whole, path)
}
