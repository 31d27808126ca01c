import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { cli, PROGRAM, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const ONE = [...SMALL, '--peers', '1', '--strategy', 'local']
const ALONE = [...ONE, '--listen', '/ip4/127.0.0.1/tcp/0']

/** A user's mistake: its exit code, one sentence on standard error, no stack, nothing on standard output. */
async function mistake(args: readonly string[], code: number): Promise<string> {
  const finished = await cli(...args)
  expect({ code: finished.code, out: finished.out }).toEqual({ code, out: '' })
  expect(finished.err).not.toMatch(/^\s+at /m)
  return finished.err
}

describe('bad input ends with a sentence and code 2', () => {
  test.each([
    [['train', '--epoch', '3'], '--epoch: no such option; did you mean "--epochs"?'],
    [['trian'], 'trian: no such command; did you mean "train"?'],
    [['train', '--model', 'cnm'], 'model: got "cnm", did you mean "cnn"? expected one of mlp, cnn'],
    [['train', '--model', 'mlp:hiden=3'], 'mlp: got an option "hiden"'],
    [['train', '--model', './none.json'], 'none.json, expected the model.json of tfjs'],
    [['train', '--strategy', 'sprit'], 'strategy: got "sprit", did you mean "spirt"? expected one of spirt, '],
    [['train', '--dataset', 'minst'], 'dataset: got "minst", did you mean "mnist"?'],
    [['train', '--partition', 'dirichlet:alpha=-1'], 'dirichlet.alpha: got -1, expected 0 < alpha'],
    [['train', '--aggregator', 'mena'], 'aggregator: got "mena", did you mean "mean"?'],
    [['train', '--codec', 'f23'], 'codec: got "f23", did you mean "f32"?'],
    [['train', '--filter', 'some'], 'filter: got "some", expected one of none, '],
    [['train', '--pre-aggregator', 'nmn'], 'pre-aggregator: got "nmn", did you mean "nnm"? expected one of nnm, '],
    [
      ['train', '--strategy', 'scatter-reduce', '--pre-aggregator', 'nnm'],
      'scatter-reduce: parts of vectors are merged, and nnm needs whole ones'
    ],
    [
      ['train', '--pre-aggregator', 'bucketing', '--aggregator', 'trimmed-mean'],
      'aggregator trimmed-mean: got 2 vectors of 4 peers, f = 1: expected more than 2f'
    ],
    [['train', ...ONE, '--out', '/proc/x'], '/proc/x: no directory can be made in /proc; choose another path'],
    [
      ['compare', ...SMALL, '--strategies', 'ring', '--out', '/proc/x'],
      /^peergrad: \/proc\/x: no directory can be made/
    ],
    [['attack', ...SMALL, '--out', '/proc/x'], /^peergrad: \/proc\/x: no directory can be made/],
    [['attack', '--out', 'a', '--out', 'b'], '--out: got 2 values, expected one'],
    [['attack', '--out', ''], 'out: got nothing, expected one word or path'],
    [['attack', '--data-dir', 'a', '--data-dir', 'b'], '--data-dir: got 2 values, expected one'],
    [['train', '--store', 'memory:foo=1'], 'store: got "memory:foo=1", but memory takes no options'],
    [['train', '--store', 'memroy'], 'store: got "memroy", did you mean "memory"?'],
    [['train', '--engine', 'wsam'], 'engine: got "wsam"'],
    [['train', '--lr', '-1'], 'lr: got -1, expected 0 < lr ≤ 1000'],
    [['train', '--epochs', 'many'], 'epochs: got "many", expected an integer, 1 ≤ epochs ≤ 1000000'],
    [['train', '--peers', '0'], 'peers: got 0, expected an integer, 1 ≤ peers ≤ 1024'],
    [['train', '--strategy', 'spirt:minibatches=0'], 'spirt.minibatches: got 0, expected an integer, minibatches ≥ 1'],
    [['train', '--strategy', 'local'], 'strategy: local has no exchange, got 4 peers, expected --peers 1'],
    [['train', '--schedule', 'cosin:steps=9'], 'schedule: got "cosin"'],
    [['train', '--momentum', '0.5'], 'momentum: got 0.5 with optimizer adam'],
    [['train', '--run', 'no-such.yaml'], 'no-such.yaml: no such file or directory'],
    [['train', '--dataset', './no-such.js'], 'no-such.js'],
    [['peer', '--join', '/x', '--lr', '1'], '--lr: the run comes from the peers at --join'],
    [['data', 'cifar10', '--data-dir', '/proc/x'], 'data: the directory /proc/x cannot be written'],
    [['data', 'cifar10', '--data-dir', PROGRAM], 'name one that can with --data-dir'],
    [['dashboard', 'runs/none', '--port', 'abc'], 'port: got "abc", expected an integer'],
    [['invite', 'foo', '--admission', 'invitation'], 'invite: got "foo", expected a peer id'],
    [['data', 'minst'], 'dataset: got "minst", did you mean "mnist"?'],
    [['bench', 'engin'], 'bench: got "engin", did you mean "engine"?']
  ])('%j', async (args, message) => {
    expect(await mistake(args, 2)).toMatch(message)
  })

  test('a run file with a word that is none', async () => {
    const file = join(scratch(), 'run.yaml')
    writeFileSync(file, 'strategy: spirt\nepoch: 3\n')
    expect(await mistake(['train', '--run', file], 2)).toContain(
      `${file}: epoch: no such option; did you mean "epochs"?`
    )
  })

  test('a log in a directory that is not there', async () => {
    const error = await mistake(['peer', ...ALONE, '--log-file', '/nowhere/x', '--out', scratch()], 2)
    expect(error).toContain('/nowhere/x: no such file or directory')
  })

  test('an output directory that is a file', async () => {
    const file = join(scratch(), 'out')
    writeFileSync(file, '')
    expect(await mistake(['train', ...SMALL, '--out', file], 2)).toContain(`${file}: is a file, expected a directory`)
  })

  test('a data file that is not there', async () => {
    const folder = scratch()
    const out = join(folder, 'out')
    const error = await mistake(['train', '--dataset', `idx:dir=${folder}`, '--out', out], 2)
    expect(error).toContain(folder)
    expect(existsSync(out)).toBe(false)
  })

  test('a data file that is torn', async () => {
    const folder = scratch()
    for (const name of [
      'train-images-idx3-ubyte',
      'train-labels-idx1-ubyte',
      't10k-images-idx3-ubyte',
      't10k-labels-idx1-ubyte'
    ]) {
      writeFileSync(join(folder, name), 'torn')
    }
    expect(await mistake(['data', `idx:dir=${folder}`], 2)).toContain(folder)
  })
})

describe('what this machine cannot', () => {
  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const error = await mistake(['peer', ...ALONE, '--listen', `/ip4/127.0.0.1/tcp/${port}`, '--out', scratch()], 2)
    expect(error).toContain(String(port))
    expect(error).toMatch(/in use|another/)
  })

  test('an engine that is not installed', async () => {
    const error = await mistake(['train', '--engine', 'tensorflow-gpu'], 5)
    expect(error).toContain('engine: tensorflow-gpu cannot run here')
    expect(error).toContain('npm install @tensorflow/tfjs-node-gpu')
  })

  test('a disk that is full at the start', async ({ skip }) => {
    const full = smallDisk(skip)
    const out = join(full, 'out')
    mkdirSync(out)
    fill(full)
    const error = await mistake(['train', ...SMALL, '--peers', '1', '--strategy', 'local', '--out', out], 5)
    expect(error).toContain('the disk is full')
    expect(readdirSync(out)).toEqual([])
  })

  test('a disk that fills up during the run: it is said, and nothing is half-written', async ({ skip }) => {
    const out = smallDisk(skip)
    const finished = await cli('train', ...SMALL, '--peers', '1', '--strategy', 'local', '--out', out, '--json')
    expect(finished.code).toBe(5)
    expect(finished.err).toMatch(/checkpoint.*the disk is full/)
    expect(finished.err).not.toMatch(/^\s+at /m)
    expect(JSON.parse(finished.out)).toMatchObject({ strategy: 'local', checkpoint: null })
    const files = readdirSync(out, { recursive: true }).map(String)
    expect(files.filter((name) => /unfinished|tmp|safetensors/.test(name))).toEqual([])
    const events = readFileSync(join(out, 'events.ndjson'), 'utf8')
    expect(events === '' || events.endsWith('\n')).toBe(true)
  })
})

test('a full disk under standard output and error does not end a run', async ({ skip }) => {
  const full = smallDisk(skip)
  const [out, err] = ['out', 'err'].map((name) => openSync(join(full, name), 'w'))
  fill(full)
  const args = [
    'peer',
    ...SMALL,
    '--peers',
    '1',
    '--strategy',
    'local',
    '--rounds',
    '2',
    '--listen',
    '/ip4/127.0.0.1/tcp/0'
  ]
  const folder = scratch()
  const ended = spawn(
    process.execPath,
    [PROGRAM, ...args, '--out', folder, '--identity', join(folder, 'identity.key')],
    { stdio: ['ignore', out!, err!] }
  )
  closeSync(out!)
  closeSync(err!)
  const [code] = (await once(ended, 'close')) as [number | null]
  expect(code).toBe(0)
  expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'))).toMatchObject({ rounds: 2 })
})

/** A file system of 64 KiB, less than a checkpoint. Needs the right to mount; the test is skipped where there is none. */
function smallDisk(skip: (why: string) => void): string {
  const folder = scratch()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
  if (mounted.status !== 0) skip('no right to mount a small file system')
  onTestFinished(() => void spawnSync('umount', [folder]))
  return folder
}

function fill(folder: string): void {
  const file = openSync(join(folder, 'filler'), 'a')
  try {
    for (;;) writeSync(file, new Uint8Array(1024))
  } catch {
    closeSync(file)
  }
}
