import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadPlugin, optionsToManifest, resolveOptions, type Dataset, type Partitioner } from '@peergrad/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkComponents, dealer } from '../src/compose.js'
import { readRunFile } from '../src/run-file.js'
import { runFileText } from '../src/run-file-text.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'peergrad-plugins-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const check = (flags: Record<string, unknown>) => {
  const { options } = resolveOptions({ flags: { peers: '2', ...flags } })
  return checkComponents(optionsToManifest(options), options)
}

const RULE = `name: 'mine', describe: 'mine', check: () => undefined`
const STRATEGY = `name: 'mine', describe: 'mine', kind: 'exchange', traffic() {}`
const CODEC = `name: 'mine', describe: 'mine', bytes: (n) => n, encode() {}`

describe('what a plug-in lacks is said before anything starts, with its file', () => {
  test.each([
    ['aggregator', `({ ${RULE}, aggregate() {} })`, undefined],
    ['aggregator', `({ ${RULE} })`, 'has no "aggregate", expected a function'],
    ['aggregator', `({ ${RULE}, aggregate: 'mean' })`, 'has "mean" as "aggregate", expected a function'],
    ['aggregator', `{ throw new Error('no luck') }`, 'its factory threw: no luck'],
    ['aggregator', `{ throw new Error('') }`, 'its factory threw: something without a message'],
    ['aggregator', `{ throw Object.create(null) }`, 'its factory threw: something that has no text'],
    ['aggregator', `Promise.reject(new Error('late'))`, 'its factory makes a promise, expected the aggregator itself'],
    [
      'aggregator',
      `({ ${RULE}, check: () => true, aggregate() {} })`,
      'check(2) gave true, expected undefined or a sentence'
    ],
    ['aggregator', `({ ${RULE}, check: () => null, aggregate() {} })`, 'check(2) gave null, expected undefined or a'],
    [
      'aggregator',
      `({ ${RULE}, check: () => '', aggregate() {} })`,
      'check(2) gave "", expected undefined or a sentence'
    ],
    [
      'aggregator',
      `({ ${RULE}, async check() { throw 1 }, aggregate() {} })`,
      'check(2) gave a promise, expected undefined'
    ],
    [
      'pre-aggregator',
      `({ ${RULE}, count: () => 1.5, apply() {} })`,
      'count(2) gave 1.5, expected a whole number from 1'
    ],
    ['aggregator', `3`, 'has no "name", expected a name'],
    ['strategy', `({ ${STRATEGY}, minibatches: 1, round() {} })`, undefined],
    ['strategy', `({ ${STRATEGY}, round() {} })`, 'has no "minibatches", expected a whole number from 1'],
    ['strategy', `({ ${STRATEGY}, minibatches: 0, round() {} })`, 'has 0 as "minibatches", expected a whole number'],
    ...[
      ['steps', `'4'`, 'has "4" as "steps", expected a whole number from 1'],
      ['outer', `'sgd'`, 'has "sgd" as "outer", expected an optimiser, as in'],
      ['outer', `{ name: 'sgd' }`, 'has an object as "outer", expected an optimiser, as in'],
      [
        'outer',
        `{ name: 'momentum', learningRate: 1, momentum: 2 }`,
        'has an object as "outer", expected an optimiser'
      ],
      ['retire', `[]`, 'has an array as "retire", expected a function'],
      ['filter', `{}`, 'has an object as "filter", expected a name'],
      ['ownModels', `1`, 'has 1 as "ownModels", expected true or false'],
      ['neighbours', `[]`, 'has an array as "neighbours", expected a function']
    ].map(([member, value, message]): [string, string, string | undefined] => [
      'strategy',
      `({ ${STRATEGY}, minibatches: 1, round() {}, ${member}: ${value} })`,
      message
    ]),
    [
      'strategy',
      `({ ${STRATEGY}, minibatches: 4, steps: 4, outer: { name: 'sgd', learningRate: 1 }, round() {} })`,
      undefined
    ],
    ['aggregator', `({ ${RULE}, aggregate() {}, f: 0.5 })`, 'has 0.5 as "f", expected a whole number from 0'],
    ['codec', `({ ${CODEC}, decode() {}, feedback: 1 })`, 'has 1 as "feedback", expected true or false'],
    ['codec', `({ ${CODEC} })`, 'has no "decode", expected a function'],
    ['dataset', `({ name: 'mine', describe: 'mine' })`, 'has no "load", expected a function'],
    ['partition', `({ name: 'mine' })`, 'has no "partition", expected a function'],
    ['store', `({ name: 'mine', describe: 'mine', open: 1 })`, 'has 1 as "open", expected a function']
  ])('%s: () => %s', async (kind, factory, message) => {
    const path = join(folder, `${expect.getState().currentTestName?.replace(/\W+/g, '-').slice(-80)}.mjs`)
    writeFileSync(path, `export default () => ${factory}`)
    if (message === undefined) await check({ [kind]: path })
    else {
      await expect(check({ [kind]: path })).rejects.toMatchObject({
        code: 'argument',
        message: expect.stringMatching(new RegExp(`^${kind} ${path}: .*${message.replace(/[().]/g, '\\$&')}`)) as string
      })
    }
  })

  test.each([
    ['aggregator', `({ name: 'mine', describe: 'mine', check() { throw new Error('no luck') }, aggregate() {} })`],
    [
      'pre-aggregator',
      `new (class { name = 'mine'; describe = 'mine'; count(n) { return n } apply() {} check() { throw new Error('no luck') } })()`
    ],
    ['strategy', `({ ${STRATEGY}, minibatches: 1, round() {}, refuses() { throw new Error('no luck') } })`]
  ])('what a %s throws when it is asked something names it', async (kind, factory) => {
    const path = join(folder, `asked-${kind}.mjs`)
    writeFileSync(path, `export default () => ${factory}`)
    await expect(check({ [kind]: path })).rejects.toMatchObject({
      message: `${kind} ${path} threw: no luck`,
      data: { plugin: `${kind} ${path}` }
    })
  })

  test('what is thrown by a member that is looked at names the plug-in', async () => {
    const path = join(folder, 'getter.mjs')
    writeFileSync(path, `export default () => ({ ${RULE}, get aggregate() { throw new Error('no luck') } })`)
    await expect(check({ aggregator: path })).rejects.toMatchObject({
      message: `aggregator ${path} threw: no luck`,
      data: { plugin: `aggregator ${path}` }
    })
  })

  test('so is where a module threw, or imports what is not there', async () => {
    const path = join(folder, 'at load.mjs')
    writeFileSync(path, `\n\nthrow new Error('no luck')`)
    const message = `aggregator ${path}: cannot be imported: no luck (${path}:3)`
    await expect(check({ aggregator: path })).rejects.toMatchObject({ message })
    const importer = join(folder, 'importer.mjs')
    writeFileSync(importer, `import { none } from './exporter.mjs'`)
    writeFileSync(join(folder, 'exporter.mjs'), 'export const other = 1')
    await expect(check({ aggregator: importer })).rejects.toMatchObject({
      message: expect.stringMatching(/does not provide an export named 'none' \(.*importer\.mjs:1\)$/) as string
    })
    const torn = join(folder, 'torn.cjs')
    writeFileSync(torn, `\nmodule.exports = (`)
    await expect(check({ aggregator: torn })).rejects.toMatchObject({
      message: expect.stringMatching(/Unexpected end of input \(.*torn\.cjs:\d\)$/) as string
    })
  })

  test('so is a module that exports the plug-in itself', async () => {
    const path = join(folder, 'object.mjs')
    writeFileSync(path, `export default { ${RULE}, aggregate() {} }`)
    await expect(check({ aggregator: path })).rejects.toMatchObject({
      code: 'unknown',
      message: `aggregator ${path}: the module exports an object as "default", expected a function that returns it`
    })
  })

  test('so is a partition that leaves a peer without data', () => {
    const all: Partitioner = {
      name: 'lopsided',
      partition: ({ labels, shards }) =>
        Array.from({ length: shards }, (_, i) => Uint32Array.from(i > 0 ? [] : labels.keys()))
    }
    const dataset = { train: { labels: new Uint8Array(4) }, classes: 1 } as unknown as Dataset
    expect(() => dealer(all, dataset, 1)(2)).toThrow('partition lopsided: dealt no sample to shard 1 of 2')
  })

  test('a plug-in may be frozen', async () => {
    const path = join(folder, 'frozen.mjs')
    writeFileSync(path, `export default () => Object.freeze({ ${RULE}, aggregate({ out }) { out[0] = 7 } })`)
    const rule = await loadPlugin('aggregator', (await check({ aggregator: path })).aggregator)
    const out = [0]
    void rule.aggregate({ out } as never)
    expect([rule.check(3), out]).toEqual([undefined, [7]])
  })

  test('so is a module that is not there, that is no JavaScript, or has no such export', async () => {
    await expect(check({ aggregator: './none.mjs' })).rejects.toMatchObject({ code: 'missing' })
    const path = join(folder, 'torn.mjs')
    writeFileSync(path, 'export default (')
    await expect(check({ aggregator: path })).rejects.toMatchObject({
      code: 'argument',
      message: `aggregator ${path}: cannot be imported: Unexpected end of input`
    })
    writeFileSync(join(folder, 'other.mjs'), 'export const other = 1')
    await expect(check({ aggregator: join(folder, 'other.mjs') })).rejects.toMatchObject({
      code: 'unknown',
      message: expect.stringContaining('exports no function "default", only other') as string
    })
  })

  test('so is a model, which is built only where it trains', async () => {
    const torn = join(folder, 'torn-model.mjs')
    writeFileSync(torn, 'export default (')
    await expect(check({ model: torn })).rejects.toMatchObject({ code: 'argument' })
    const other = join(folder, 'other-model.mjs')
    writeFileSync(other, 'export const other = 1')
    await expect(check({ model: other })).rejects.toMatchObject({ code: 'unknown' })
    const file = join(folder, 'none.json')
    await expect(check({ model: file })).rejects.toMatchObject({
      code: 'missing',
      message: `model: there is no file ${file}, expected the model.json of tfjs`
    })
    await expect(check({ model: 'mlp:hiden=3' })).rejects.toMatchObject({ code: 'unknown' })
    const good = join(folder, 'good-model.mjs')
    writeFileSync(good, 'export default () => () => {}')
    await check({ model: good })
  })
})

test.each(['gossip', 'diloco', 'all-reduce:every=4', 'mlless:own-steps=true'])(
  'worker momentum is refused with %s, which averages models',
  async (strategy) => {
    await expect(check({ strategy, 'worker-momentum': '0.9' })).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringMatching(/worker-momentum: got 0.9 with the strategy .* average models/)
    })
    await check({ strategy })
  }
)

describe('an option that a plug-in does not have is no option that is left out', () => {
  let number = 0
  test.each([
    [
      `({ factor = 3 }) => made`,
      'factr=3',
      'did you mean "factor"? expected one of factor, which its factory reads; one that it reads later it must read when it is called, too'
    ],
    [
      `({ factor = 3 } = {}) => made`,
      'factr=3',
      'did you mean "factor"? expected one of factor, which its factory reads; one that it reads later it must read when it is called, too'
    ],
    [
      `function rule(options) { options.factor; return made }`,
      'f=3',
      'expected one of factor, which its factory reads; one that it reads later it must read when it is called, too'
    ],
    [`() => made`, 'f=3', 'its factory takes none'],
    [`function rule() { return made }`, 'f=3', 'its factory takes none'],
    [`({ factor = 3 }) => made`, 'factor=3', undefined],
    [`({ factor = 3, ...others }) => others.f && made`, 'f=3', undefined],
    [`(options) => 'f' in options && made`, 'f=3', undefined],
    [`(options) => ({ ...made, check: () => options.f && undefined })`, 'f=3', undefined],
    [`(options = {}) => ({ ...made, check: () => options.f && undefined })`, 'f=3', undefined],
    [`(options) => structuredClone(options) && made`, 'f=3', undefined],
    [`(options) => Object.entries(options) && made`, 'f=3', undefined],
    [
      `(options) => 'group' in options || made`,
      'f=3',
      'expected one of group, which its factory reads; one that it reads later it must read when it is called, too'
    ],
    [`function rule() { return arguments[0].f ? made : undefined }`, 'f=3', undefined],
    [`((options) => ({ ...made, check: () => options.f && undefined })).bind(null)`, 'f=3', undefined],
    [
      `({ factor = 3 }) => made`,
      'every=2',
      'expected one of factor, which its factory reads; one that it reads later it must read when it is called, too'
    ],
    [`(options) => String(options) && made`, 'f=3', undefined]
  ])('%s of %s: %s', async (factory, options, message) => {
    const path = join(folder, `options-${number++}.mjs`)
    writeFileSync(path, `const made = { ${RULE}, aggregate() {} }; export default ${factory}`)
    const checked = check({ aggregator: `${path}:${options}` })
    if (message === undefined) await checked
    else {
      await expect(checked).rejects.toMatchObject({
        code: 'unknown',
        message: `aggregator ${path}: got the option "${options.split('=')[0]}", ${message}`
      })
    }
  })

  test('what a run gives every strategy may be left alone', async () => {
    const path = join(folder, 'no-minibatches.mjs')
    const source = `({ ${STRATEGY}, minibatches: 1, round() {} })`
    writeFileSync(path, `export default ({ k = 1 }) => ${source}; export const none = () => ${source}`)
    await check({ strategy: path })
    await check({ strategy: `${path}#none` })
    await expect(check({ strategy: `${path}:quorum=1` })).rejects.toMatchObject({
      message: `strategy ${path}: got the option "quorum", expected one of k, which its factory reads; one that it reads later it must read when it is called, too`
    })
  })
})

describe('a plug-in can be named', () => {
  const before = process.cwd()
  const SOURCE = `({ ${RULE}, aggregate() {} })`
  const name = async (aggregator: string) => (await check({ aggregator })).aggregator

  beforeAll(() => {
    process.chdir(folder)
    writeFileSync(join(folder, 'package.json'), '{}')
    writeFileSync(
      join(folder, 'rule.mjs'),
      `export const named = ({ key }) => ${SOURCE}; export default () => named({})`
    )
    writeFileSync(
      join(folder, 'rule.ts'),
      `import type { AggregatorFactory } from '@peergrad/core'
       import { helper } from './helper.ts'
       const rule: AggregatorFactory = (options: object) => helper<object>(options) && ${SOURCE}
       export default rule`
    )
    writeFileSync(join(folder, 'helper.ts'), 'export const helper = <T>(value: T): T => value')
    const made = join(folder, 'elsewhere')
    for (const [at, pack] of [
      ['rule-package', { main: './src/index.mjs' }],
      ['@scope/only-import', { exports: { '.': { import: './src/index.mjs' } } }]
    ] as const) {
      mkdirSync(join(made, at, 'src'), { recursive: true })
      writeFileSync(join(made, at, 'package.json'), JSON.stringify({ name: at, ...pack }))
      writeFileSync(join(made, at, 'src', 'index.mjs'), `export default () => ${SOURCE}`)
      mkdirSync(dirname(join(folder, 'node_modules', at)), { recursive: true })
      symlinkSync(join(made, at), join(folder, 'node_modules', at))
    }
  })
  afterAll(() => process.chdir(before))

  test.each([
    ['by the name of a built-in', 'mean', /rules\/mean\.js$/],
    ['by a path', './rule.mjs', /rule\.mjs$/],
    ['by a path without its ending', './rule-less', /rule-less\.js$/],
    ['by a path and an export', './rule.mjs#named:key=value', /rule\.mjs$/],
    ['by a path to TypeScript', './rule.ts', /rule\.ts$/],
    ['by the directory of a package', './elsewhere/rule-package', /index\.mjs$/],
    ['by the name of a package', 'rule-package', /index\.mjs$/],
    ['by the name of a package that only exports to import', '@scope/only-import', /index\.mjs$/]
  ])('%s: %s', async (_how, text, module) => {
    writeFileSync(join(folder, 'rule-less.js'), `module.exports = () => ${SOURCE}`)
    expect((await name(text)).module).toMatch(module)
  })

  test('but not by a name that is neither built in nor installed', async () => {
    await expect(name('maen')).rejects.toMatchObject({ code: 'unknown' })
    await expect(name('zlib')).rejects.toMatchObject({ code: 'unknown' })
    await expect(name('@scope/none')).rejects.toMatchObject({ code: 'missing' })
    await expect(name('@scope/only-import/none')).rejects.toMatchObject({ code: 'missing' })
  })

  test('by a path that counts from the run file, whichever directory reads it', async () => {
    const runs = join(folder, 'runs')
    mkdirSync(runs)
    writeFileSync(
      join(runs, 'run.yaml'),
      'aggregator: ../rule.mjs\nmodel: ./model.mjs:size=3\npre-aggregator: [./clip.mjs]\n'
    )
    const read = await readRunFile(join('runs', 'run.yaml'))
    expect(read.values).toEqual({
      aggregator: './rule.mjs',
      model: './runs/model.mjs:size=3',
      'pre-aggregator': ['./runs/clip.mjs']
    })
    const { options } = resolveOptions({ flags: { aggregator: './rule.mjs', strategy: 'spirt' } })
    expect(runFileText(options, runs)).toContain('aggregator: ../rule.mjs\n')
  })

  test('by a path in a grid file, where attacks and chains count from it too', async () => {
    const grids = join(folder, 'grids')
    mkdirSync(grids)
    writeFileSync(join(grids, 'grid.yaml'), 'attack: [none, ./evil.mjs:k=1]\npre-aggregator: [[./clip.mjs, nnm], []]\n')
    expect((await readRunFile(join('grids', 'grid.yaml'))).values).toEqual({
      attack: ['none', './grids/evil.mjs:k=1'],
      'pre-aggregator': [['./grids/clip.mjs', 'nnm'], []]
    })
  })
})
