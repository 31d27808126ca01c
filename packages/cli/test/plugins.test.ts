import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { optionsToManifest, resolveOptions } from '@peergrad/core'
import { afterAll, expect, test } from 'vitest'
import { checkComponents } from '../src/compose.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-plugins-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const RULE = `name: 'mine', check: () => undefined`
const STRATEGY = `name: 'mine', kind: 'exchange'`

test.each([
  ['aggregator', `({ ${RULE}, aggregate() {} })`, undefined],
  ['aggregator', `({ ${RULE} })`, 'has no "aggregate", expected a function'],
  ['aggregator', `({ ${RULE}, aggregate: 'mean' })`, 'has a string as "aggregate", expected a function'],
  ['aggregator', `{ throw new Error('no luck') }`, 'threw: no luck'],
  ['aggregator', `3`, 'has no "name", expected a string'],
  ['strategy', `({ ${STRATEGY}, minibatches: 1, round() {} })`, undefined],
  ['strategy', `({ ${STRATEGY}, round() {} })`, 'has no "minibatches", expected a number'],
  ['strategy', `({ ${STRATEGY}, minibatches: 0, round() {} })`, 'minibatches: got 0, expected an integer'],
  ['codec', `({ name: 'mine', bytes: (n) => n, encode() {} })`, 'has no "decode", expected a function']
])('%s: () => %s', async (kind, factory, message) => {
  const path = join(folder, `${expect.getState().currentTestName?.replace(/\W+/g, '-')}.mjs`)
  writeFileSync(path, `export default () => ${factory}`)
  const { options } = resolveOptions({ flags: { [kind]: path } })
  const checked = checkComponents(optionsToManifest(options), options)
  if (message === undefined) await checked
  else
    await expect(checked).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining(message) as string
    })
})
