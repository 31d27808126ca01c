import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { Cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 180_000 })

const NODE_MODULES = join(import.meta.dirname, '..', '..', 'node_modules')

/** A module of each kind, in JavaScript or TypeScript. */
const FILES = {
  'package.json': '{ "type": "module" }',
  'plugins/strategy.ts': `
    import type { RoundContext, StrategyFactory } from '@peergrad/core'
    import { all } from './exchange.ts'
    const strategy: StrategyFactory = () => ({
      name: 'mine', describe: 'all read from all', kind: 'exchange', minibatches: 1,
      traffic: ({ peers, bytes }) => ({ sent: (peers - 1) * bytes, received: (peers - 1) * bytes }),
      round: (context: RoundContext) => all(context)
    })
    export default strategy`,
  'plugins/exchange.ts': `
    import type { RoundContext } from '@peergrad/core'
    export async function all(context: RoundContext): Promise<string> {
      await context.contribute(async () => {
        const key = context.key('gradient')
        return { key, ...(await context.gradient(context.minibatches[0]!, key)) }
      })
      const manifests = await context.agreed()
      await context.aggregate(await context.fetch(manifests), manifests, context.key('merged'))
      return context.key('merged')
    }`,
  'node_modules/my-rules/package.json': '{ "name": "my-rules", "exports": { "import": "./index.mjs" } }',
  'node_modules/my-rules/index.mjs': `
    export const half = () => ({
      name: 'half', describe: 'half of the mean', check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
      aggregate({ vectors, out, kernels }) {
        kernels.mean(out, vectors)
        for (let i = 0; i < out.length; i++) out[i] *= 0.5
      }
    })`,
  'plugins/filter.mjs': `
    export default ({ bound = 1e-6 }) => ({
      name: 'above', describe: 'sends what is above a bound',
      apply({ accumulated, sent }) {
        for (let i = 0; i < sent.length; i++) if (Math.abs(accumulated[i]) > bound) sent[i] = accumulated[i]
      }
    })`,
  'plugins/pre.mjs': `
    export const same = () => ({
      name: 'same', describe: 'leaves the vectors as they are', check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
      count: (n) => n, apply: ({ vectors }) => vectors
    })`,
  'plugins/codec.mts': `
    import { PeergradError, type CodecFactory } from '@peergrad/core'
    const codec: CodecFactory = () => ({
      name: 'raw', describe: 'the floats as they are', bytes: (length: number) => 4 * length,
      encode(input, out) {
        if (out.length !== 4 * input.length) throw new PeergradError('shape', 'raw: of another size')
        out.set(new Uint8Array(input.buffer, input.byteOffset, input.byteLength))
      },
      decode(input, out) { new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(input) }
    })
    export default codec`,
  'plugins/model.mjs': `
    export default ({ units = 4 }) => async ({ layers, shape, classes }) => {
      const { sequential, layers: of } = await layers()
      return sequential({ layers: [of.flatten({ inputShape: [...shape] }), of.dense({ units }), of.dense({ units: classes })] })
    }`,
  'plugins/data.ts': `
    import type { DatasetSource, Split } from '@peergrad/core'
    const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length))
    const split = (count: number): Split => {
      const [features, labels] = [shared(4 * count), shared(count)]
      for (let i = 0; i < count; i++) {
        labels[i] = i % 2
        features.fill(labels[i]! * 200, 4 * i, 4 * i + 4)
      }
      return { count, features, labels }
    }
    export default (): DatasetSource => ({
      name: 'stripes', describe: 'dark and light', load: async () => ({
        name: 'stripes', shape: [2, 2, 1], classes: 2, normalise: { scale: 1 / 255, mean: [0.5], deviation: [0.5] },
        augment: { crop: 0, flip: false }, train: split(256), test: split(64)
      })
    })`,
  'plugins/partition.js': `
    export default () => ({
      name: 'turns',
      partition: ({ labels, shards }) =>
        Array.from({ length: shards }, (_, k) => Uint32Array.from([...labels.keys()].filter((i) => i % shards === k)))
    })`,
  'plugins/store.ts': `
    import type { StoreDriverFactory } from '@peergrad/core'
    import { memoryStore } from '@peergrad/store'
    const store: StoreDriverFactory = () => ({
      name: 'mine', describe: 'the memory driver', open: ({ arena, clock, logger }) => memoryStore({ arena, clock, logger })
    })
    export default store`,
  'runs/run.yaml': `
strategy: ../plugins/strategy.ts
aggregator: my-rules#half
pre-aggregator: ['../plugins/pre.mjs#same']
filter: ../plugins/filter.mjs:bound=1
codec: ../plugins/codec.mts
model: ../plugins/model.mjs:units=3
dataset: ../plugins/data.ts
partition: ../plugins/partition.js
store: ../plugins/store.ts
`
}

function write(files: Readonly<Record<string, string>>): string {
  const folder = scratch()
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(join(NODE_MODULES, '@peergrad'), join(folder, 'node_modules', '@peergrad'))
  return folder
}

test('a run whose every part is a plug-in, by paths that count from its run file and by a package', async () => {
  const cwd = write(FILES)
  const args = [
    'train',
    '--run',
    'runs/run.yaml',
    '--engine',
    'wasm',
    '--memory',
    '64',
    '--peers',
    '2',
    '--rounds',
    '3'
  ]
  const { code, out, err } = await new Cli([...args, '--out', 'out', '--json'], { cwd }).finished
  expect(code, err).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    strategy: './plugins/strategy.ts',
    aggregator: 'my-rules#half',
    preAggregators: ['./plugins/pre.mjs#same'],
    dataset: './plugins/data.ts',
    model: './plugins/model.mjs:units=3',
    store: 'memory',
    rounds: 3,
    agreed: true
  })
  expect((JSON.parse(out) as { contributions: { saved: number } }).contributions.saved).toBeGreaterThan(0)
  expect(readdirSync(join(cwd, 'out'))).toContain('result.json')
})

describe('a plug-in that is wrong while it runs ends the run with its name and code 2', () => {
  const STRATEGY = `name: 'mine', describe: 'mine', kind: 'exchange', minibatches: 1, traffic: () => ({ sent: 0, received: 0 })`
  const RULE = `name: 'mine', describe: 'mine', check: () => undefined`
  const MODULE = `
    export const hangs = () => ({ ${RULE}, aggregate() { for (;;); } })
    export const never = () => ({ ${STRATEGY}, round: () => new Promise(() => {}) })
    export const blocks = () => ({ ${STRATEGY}, async round() { for (;;); } })
    export const throws = () => ({ ${STRATEGY}, async round(context) { return context.nothing.there } })`

  test.each([
    ['aggregator', 'hangs', /aggregator \S*wrong\.mjs#hangs did not end its work within 3 s/],
    ['strategy', 'never', /strategy mine: round 0 has not ended/],
    ['strategy', 'blocks', /strategy \.\/wrong\.mjs#blocks has kept the main thread of its peer for 5 s/],
    ['strategy', 'throws', /strategy mine threw: Cannot read properties of undefined/]
  ])('%s %s', async (kind, name, message) => {
    const cwd = write({ 'wrong.mjs': MODULE })
    const quick = ['--peers', '2', '--rounds', '3', '--deadline', '2', '--grace', '1']
    const args = ['train', ...SMALL, ...quick, `--${kind}`, `./wrong.mjs#${name}`, '--out', 'out']
    const { code, err } = await new Cli(args, { cwd }).finished
    expect(err).toMatch(message)
    expect(err).not.toMatch(/^\s+at |please report/m)
    expect(code, err).toBe(2)
  })
})

describe('peergrad new', () => {
  test.each(['strategy', 'rule', 'filter', 'codec', 'attack'])(
    '%s begins a package whose own test passes',
    async (kind) => {
      const cwd = scratch()
      expect((await new Cli(['new', kind, `my-${kind}`], { cwd }).finished).code).toBe(0)
      const { status, stdout, stderr } = spawnSync('npm', ['test'], { cwd: join(cwd, `my-${kind}`), encoding: 'utf8' })
      expect(status, `${stdout}${stderr}`).toBe(0)
      expect(stdout).toMatch(/^# pass 1$/m)
    }
  )

  test('a rule that it wrote goes through the quick grid of the lab', async () => {
    const cwd = scratch()
    expect((await new Cli(['new', 'rule', 'my-rule'], { cwd }).finished).code).toBe(0)
    const own = join(cwd, 'my-rule')
    const quicker = ['--attacks', 'none,sign-flip', '--byzantine', '1', '--rounds', '10']
    const { status, stdout, stderr } = spawnSync('npm', ['run', 'attack', '--', ...quicker], {
      cwd: own,
      encoding: 'utf8'
    })
    expect(status, `${stdout}${stderr}`).toBe(0)
    expect(stdout).toMatch(/index\.js +sign-flip/)
  })

  test('an attack that it wrote plays in a grid, with its options, and one that throws is named', async () => {
    const cwd = write({
      'throws.mjs': `export default () => ({ name: 'mine', describe: 'mine', holds: 'mine', level: 'gradient', knows: [],
        craft() { throw new Error('no luck') } })`
    })
    expect((await new Cli(['new', 'attack', 'my-attack'], { cwd }).finished).code).toBe(0)
    const grid = ['attack', '--simulate', '--attacks', 'none,./my-attack:factor=20', '--aggregators', 'mean,median']
    const small = [
      ...SMALL,
      '--peers',
      '4',
      '--rounds',
      '3',
      '--optimizer',
      'sgd',
      '--lr',
      '0.1',
      '--out',
      'out',
      '--json'
    ]
    const { code, out, err } = await new Cli([...grid, ...small], { cwd }).finished
    expect(code, err).toBe(0)
    const { cells } = JSON.parse(out) as {
      cells: { attack: string; aggregator: string; status: string; parametersHash: string }[]
    }
    expect(cells.map(({ status }) => status)).toEqual(Array(4).fill('finished'))
    expect(new Set(cells.map(({ parametersHash }) => parametersHash)).size).toBe(4)
    const wrong = ['attack', '--simulate', '--attacks', './throws.mjs', '--aggregators', 'median', ...small]
    expect((await new Cli(wrong, { cwd }).finished).err).toContain('attack mine threw: no luck')
  })

  test('an attack that never gives the thread back is named over real processes, whose others go on', async () => {
    const cwd = write({
      'loops.mjs': `export default () => ({ name: 'mine', describe: 'mine', holds: 'mine', level: 'gradient', knows: [],
        craft() { for (;;); } })`
    })
    const grid = ['attack', '--attacks', './loops.mjs', '--aggregators', 'median', '--deadline', '2', '--grace', '1']
    const cell = ['--peers', '4', '--rounds', '2', '--evaluate-every', '0', '--out', 'out']
    const { code, err } = await new Cli([...grid, ...SMALL, ...cell], { cwd }).finished
    expect([code, err]).toEqual([2, expect.stringContaining('attack mine has kept the main thread of its peer for')])
  })

  test('overwrites nothing, and says what it needs', async () => {
    const cwd = write({ 'mine/file': 'kept' })
    const run = async (...args: string[]) => (await new Cli(['new', ...args], { cwd }).finished).err
    expect(await run('rule', 'mine')).toContain('mine is there already')
    expect(await run('rul', 'yours')).toContain('got "rul", did you mean "rule"? expected one of strategy, rule')
    expect(await run('rule', '../up')).toContain('got the name "../up", expected lower-case letters')
    expect(await run('rule')).toContain('expected a kind')
    expect(readdirSync(join(cwd, 'mine'))).toEqual(['file'])
  })
})
