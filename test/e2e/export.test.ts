import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const files = (folder: string) => readdirSync(folder).sort()

describe('the model for other tools', () => {
  test('is there at the end of a run, the same as exported from its checkpoint, and is a model to start from', async () => {
    const out = scratch()
    const trained = await cli('train', ...SMALL, '--peers', '2', '--rounds', '3', '--out', out, '--json')
    expect(trained.code, trained.err).toBe(0)
    const { checkpoint, run, accuracy } = JSON.parse(trained.out) as {
      checkpoint: string
      run: string
      accuracy: number
    }
    const model = join(out, 'model')
    expect(files(model)).toEqual(['model.json', 'weights.bin'])
    const about = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8')) as { userDefinedMetadata: unknown }
    expect(about.userDefinedMetadata).toMatchObject({ peergrad: { run, round: 3, dataset: 'synthetic', classes: 10 } })
    for (const peer of [0, 1]) expect(existsSync(join(out, `peer-${peer}`, 'model'))).toBe(false)

    const again = join(out, 'again')
    const exported = await cli('export', checkpoint, '--out', again, '--json')
    expect([exported.code, JSON.parse(exported.out)], exported.err).toEqual([0, { model: join(again, 'model.json') }])
    for (const file of files(model)) expect(readFileSync(join(again, file))).toEqual(readFileSync(join(model, file)))

    // a learning rate so small that the model stays what it is
    const alone = ['--peers', '1', '--strategy', 'local', '--rounds', '1', '--optimizer', 'sgd', '--lr', '1e-12']
    const known = ['--model', join(model, 'model.json'), '--dataset', 'synthetic', '--engine', 'wasm', '--memory', '64']
    const further = await cli('train', ...known, ...alone, '--out', scratch(), '--json')
    expect(further.code, further.err).toBe(0)
    expect(JSON.parse(further.out)).toMatchObject({ accuracy })
  })

  test('lies beside the checkpoints of one peer, and a model that is none does not fail the run', async () => {
    const out = scratch()
    const module = join(scratch(), 'model.mjs')
    writeFileSync(
      module,
      `export default () => ({ tf, shape, classes }) => {
        const length = shape.reduce((product, size) => product * size, 1)
        const initialise = { kind: 'constant', value: 0 }
        const kernel = tf.variable(tf.zeros([length, classes]))
        return {
          tensors: [{ name: 'kernel', shape: [length, classes], trainable: true, initialise }],
          variables: [kernel],
          forward: (x) => tf.matMul(tf.reshape(x, [-1, length]), kernel)
        }
      }`
    )
    const alone = ['--peers', '1', '--strategy', 'local', '--rounds', '2', '--listen', '/ip4/127.0.0.1/tcp/0', '--json']
    const rest = ['--dataset', 'synthetic', '--engine', 'wasm', '--memory', '64']
    const peer = await cli('peer', ...SMALL, ...alone, '--out', join(out, 'peer'))
    expect(peer.code, peer.err).toBe(0)
    expect(files(join(out, 'peer', 'model'))).toEqual(['model.json', 'weights.bin'])
    const first = await cli('export', join(out, 'peer'))
    expect([first.code, first.out]).toEqual([0, `${join(out, 'peer', 'model', 'model.json')}\n`])

    // as `export` writes it of a checkpoint: it is not the model of the run that ends now
    const older = join(out, 'trainown', 'peer-0', 'model')
    mkdirSync(older, { recursive: true })
    writeFileSync(join(older, 'model.json'), '{}')

    for (const command of ['peer', 'train']) {
      const options = command === 'peer' ? alone : alone.filter((word) => !/listen|ip4/.test(word))
      const own = await cli(command, '--model', module, ...rest, ...options, '--out', join(out, command + 'own'))
      expect(own.code, own.err).toBe(0)
      expect(own.err).toContain('it is not made of layers of tfjs, so there is no LayersModel of it')
      expect(existsSync(join(out, command + 'own', 'model'))).toBe(false)
    }
    expect(files(older)).toEqual(['model.json'])
  })

  test('is exported where the data lie elsewhere than the run says', async () => {
    const [here, there, out] = [join(scratch(), 'here'), join(scratch(), 'there'), scratch()]
    mkdirSync(here)
    for (const split of ['train', 't10k']) {
      const head = (kind: number, ...sizes: number[]) =>
        Buffer.from([0, 0, 8, kind, ...sizes.flatMap((n) => [0, 0, 0, n])])
      const images = Buffer.from(Array.from({ length: 8 * 16 }, (_, i) => i))
      writeFileSync(join(here, `${split}-images-idx3-ubyte`), Buffer.concat([head(3, 8, 4, 4), images]))
      writeFileSync(
        join(here, `${split}-labels-idx1-ubyte`),
        Buffer.concat([head(1, 8), Buffer.from([...Array(8).keys()])])
      )
    }
    const run = ['--dataset', `idx:dir=${here}`, '--model', 'mlp', '--engine', 'wasm', '--memory', '64', '--batch', '4']
    const alone = ['--peers', '1', '--strategy', 'local', '--rounds', '1', '--listen', '/ip4/127.0.0.1/tcp/0']
    const trained = await cli('peer', ...run, ...alone, '--out', out)
    expect(trained.code, trained.err).toBe(0)
    renameSync(here, there)
    const exported = await cli('export', out, '--data', there)
    expect(exported.code, exported.err).toBe(0)
  })

  test.each<[readonly string[], string]>([
    [['export'], 'export: got nothing, expected a checkpoint'],
    [['export', 'no-such'], 'no-such: there is no such file or directory'],
    [['export', import.meta.filename], `checkpoint ${import.meta.filename}: `]
  ])('%j ends with a sentence and code 2', async (args, message) => {
    const { code, out, err } = await cli(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(message)
    expect(err).not.toMatch(/^\s+at /m)
  })
})
