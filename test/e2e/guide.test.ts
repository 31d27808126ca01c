import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { expect, test, vi } from 'vitest'
import { CACHE, PROGRAM, scratch } from '../utils/cli.js'
import { blocksOf, pages } from '../utils/documents.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 240_000 })

const NODE_MODULES = join(import.meta.dirname, '..', '..', 'node_modules')

const GUIDES = pages().filter((page) => blocksOf(page).some(({ run }) => run !== undefined))

/** In the place of npm's: `npx peergrad` is this program, small, and a `train` gets the flags of its block beside. */
const NPX = `#!/bin/sh
shift
case "$1" in
  train) exec "${process.execPath}" "${PROGRAM}" "$@" --memory 64 --engine wasm $BLOCK_FLAGS ;;
  *) exec "${process.execPath}" "${PROGRAM}" "$@" ;;
esac
`

/** A folder in which packages of this workspace can be imported, as in a clone. */
function folder(): string {
  const made = scratch()
  symlinkSync(NODE_MODULES, join(made, 'node_modules'))
  writeFileSync(join(made, 'package.json'), '{ "type": "module" }')
  return made
}

test('pages of the guide have commands that are run', () => {
  const tasks = ['data', 'model', 'numbers', 'robustness', 'start', 'strategies'].map((name) => `docs/guide/${name}.md`)
  expect(GUIDES).toEqual(expect.arrayContaining(tasks))
})

test.each(GUIDES)('%s: its commands, in its order, with its files', async (page) => {
  const cwd = folder()
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'npx'), NPX)
  chmodSync(join(bin, 'npx'), 0o755)
  const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}`, XDG_CACHE_HOME: CACHE }
  for (const { file, run, text } of blocksOf(page)) {
    if (file !== undefined) writeFileSync(join(cwd, file), text)
    if (run === undefined) continue
    const env = { ...environment, BLOCK_FLAGS: run }
    await expect(promisify(execFile)('sh', ['-euc', text], { cwd, env }), text).resolves.toBeDefined()
  }
})

test('what is in TypeScript is a file, and has the types of the contracts', () => {
  const cwd = folder()
  const guides = pages().filter((page) => !page.startsWith('docs/reference'))
  const blocks = guides.flatMap(blocksOf).filter(({ language }) => language === 'ts')
  expect(blocks.length).toBeGreaterThan(2)
  const names = blocks.map(({ file, text }) => {
    const name = join(cwd, file ?? expect.unreachable(`it is no file: ${text}`))
    writeFileSync(name, text)
    return name
  })
  const program = ts.createProgram(names, {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.NodeNext,
    strict: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(NODE_MODULES, '@types')]
  })
  const found = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  expect(found).toEqual([])
})
