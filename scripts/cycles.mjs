import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"](\.[^'"]+)['"]/gm

/** Circles of imports that are there at run time (types vanish), each as the files on it. */
export function cycles(directory) {
  const graph = new Map()
  for (const file of sources(directory)) {
    const targets = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, to]) => sourceOf(join(dirname(file), to)))
    graph.set(file, targets)
  }
  const found = []
  const done = new Set()
  const visit = (file, path) => {
    const start = path.indexOf(file)
    if (start >= 0) found.push([...path.slice(start), file].map((each) => relative(directory, each)))
    if (start >= 0 || done.has(file)) return
    for (const target of graph.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}

/** The file that a compiled one came from. */
function sourceOf(path) {
  const source = path.replace(/\.js$/, '.ts')
  return existsSync(source) ? source : `${source}x`
}

function sources(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const packages = join(import.meta.dirname, '..', 'packages')
  const found = readdirSync(packages).flatMap((name) => cycles(join(packages, name, 'src')))
  for (const cycle of found) process.stdout.write(`import cycle: ${cycle.join(' → ')}\n`)
  process.exitCode = found.length === 0 ? 0 : 1
}
