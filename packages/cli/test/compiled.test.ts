import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const NAMES = ['core', 'store', 'strategies', 'engine', 'peer', 'cli']
const BIN = join(import.meta.dirname, '..', 'bin')

/** The program of a workspace in which something was compiled and bundled, and does no more than say so. */
let root: string
const program = () => spawnSync(process.execPath, [join(root, 'cli/bin/peergrad.js')], { encoding: 'utf8' })
const info = (name: string) => join(root, name, 'dist/.tsbuildinfo')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peergrad-compiled-'))
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  for (const name of NAMES) put(`${name}/dist/.tsbuildinfo`, `of ${name}`)
  put('cli/tsconfig.json', '{}')
  put('cli/package.json', '{ "type": "module" }')
  put('cli/dist/bundled/main.js', "console.log('runs')")
  cpSync(BIN, join(root, 'cli/bin'), { recursive: true })
  const record = `import { compiled, RECORD } from '${join(root, 'cli/bin/compiled.js')}'
    import { writeFileSync } from 'node:fs'
    writeFileSync(RECORD, JSON.stringify(compiled()))`
  execFileSync(process.execPath, ['--input-type=module', '--eval', record])
})
afterEach(() => rmSync(root, { recursive: true }))

describe('the program of a workspace', () => {
  it('runs what was bundled', () => {
    expect(program()).toMatchObject({ status: 0, stdout: 'runs\n' })
  })

  it('says so when something was compiled since, and does not run', () => {
    appendFileSync(info('strategies'), 'and more')
    expect(program()).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('run npm run build') as string
    })
  })

  it('runs when that was only touched, as by a copy', () => {
    utimesSync(info('core'), new Date(), new Date())
    expect(program().status).toBe(0)
  })

  it('runs what nobody bundled', () => {
    rmSync(join(root, 'cli/dist/bundled/.compiled'))
    appendFileSync(info('core'), 'and more')
    expect(program().status).toBe(0)
  })

  it('runs where it is installed, whatever the compiler left there', () => {
    rmSync(join(root, 'cli/tsconfig.json'))
    appendFileSync(info('core'), 'and more')
    expect(program().status).toBe(0)
    expect(existsSync(info('core'))).toBe(true)
  })
})
