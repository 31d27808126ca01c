/**
 * Bundles `src/bundled` of each package, in the place of what the compiler made of it: a thread then loads some 20 files for
 * some hundreds. What the bundles are made of is what the compiler made, so without them all works as well, and slower. What is
 * found by its file (workers, built-in plug-ins) is named by its folder and that, `../rules/mean.js`: that is right from a
 * folder of the source and from here.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { compiled, NAMES, RECORD } from '../packages/cli/bin/compiled.js'
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

/** Milliseconds for which a chunk that is in no bundle any more stays: peers may be running that load it late. */
const KEPT = 24 * 3600 * 1000

/** Also the set-up of the test runner: peers that tests start run what was compiled last. */
export async function setup() {
  const from = compiled()
  await Promise.all(NAMES.map((name) => bundle(name)))
  // `bin/peergrad.js` compares it
  put(fileURLToPath(RECORD), Buffer.from(JSON.stringify(from)))
}

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
    plugins: [fromCompiled(folder)],
    ...(LIBRARIES[name] ?? OWN)
  })
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]))
  const foreign = licences(metafile, folder)
  if (foreign !== '') files.set('LICENCES', Buffer.from(`The files of this folder hold code of\n\n${foreign}\n`))
  // peers may be starting from here: what they load is whole, and there, at any time
  const shared = (file) => /^shared-\w+\.js$/.test(file)
  for (const file of [...files.keys()].sort((a, b) => shared(b) - shared(a))) put(join(out, file), files.get(file))
  for (const file of readdirSync(out).filter((file) => shared(file) && !files.has(file))) {
    const old = statSync(join(out, file), { throwIfNoEntry: false })
    if (old !== undefined && Date.now() - old.mtimeMs > KEPT) rmSync(join(out, file), { force: true })
  }
}

/** Doors are read from the source, for bundles stand in the place of what was compiled of them; all else is what was compiled. */
function fromCompiled(folder) {
  const [source, output] = ['src', 'dist'].map((name) => join(folder, name))
  return {
    name: 'compiled',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path)
        const root = [source, output].find((each) => file.startsWith(each + sep))
        if (root === undefined) return undefined
        const inside = relative(root, file)
        if (dirname(inside) !== 'bundled') return { path: join(output, inside) }
        return { path: join(source, inside.replace(/\.js$/, '.ts')) }
      })
    }
  }
}

function put(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  const whole = `${path}.${process.pid}`
  writeFileSync(whole, contents)
  renameSync(whole, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup()
