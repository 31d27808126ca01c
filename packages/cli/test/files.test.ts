import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError, resolveOptions, type RunEvent } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defaultOut, directory, writeWhole } from '../src/files.js'
import { Recorder } from '../src/recorder.js'
import { train } from '../src/commands/train.js'
import { checkTaken, readRunFile } from '../src/run-file.js'
import { runFileText } from '../src/run-file-text.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-files-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const caught = async (work: () => unknown): Promise<PeergradError> => {
  try {
    await work()
  } catch (error) {
    if (error instanceof PeergradError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a run file', () => {
  const written = (text: string) => {
    const path = join(folder, 'run.yaml')
    writeFileSync(path, text)
    return readRunFile(path)
  }

  test('has the words and values of options', async () => {
    const file = await written('strategy: spirt\nepochs: 2\npre-aggregator: [clip]\naggregator: trimmed-mean:f=1\n')
    const { options } = resolveOptions({ file })
    expect(options).toMatchObject({
      strategy: 'spirt',
      epochs: 2,
      'pre-aggregator': ['clip'],
      aggregator: 'trimmed-mean:f=1'
    })
  })

  test.each(['data: /mnt', 'patience: 20', 'log-file: x'])(
    'with what train does not take is refused: %s',
    async (line) => {
      const file = await written(`strategy: spirt\n${line}\n`)
      const error = await caught(() => checkTaken(file, 'train', train.options))
      expect(error.message).toContain(`${line.split(':')[0]}: train does not take it`)
    }
  )

  test('may be empty', async () => {
    expect((await written('# nothing yet\n')).values).toEqual({})
  })

  test('comes back as it was written', async () => {
    const { options } = resolveOptions({ flags: { seed: '7', optimizer: 'momentum', momentum: '0.5', engine: 'cpu' } })
    const { options: again } = resolveOptions({ file: await written(runFileText(options, folder)) })
    expect(again).toEqual(options)
  })

  const BOMB = `a: &a [x, x]\nb: &b [${Array<string>(20).fill('*a').join()}]\nc: [${Array<string>(20).fill('*b').join()}]\n`
  const WRONG = ['{', 'a: b: c', '"', 'a: &x [*x', 'strategy: *foo', 'pre-aggregator: &x [*x]', 'epochs: &x { y: *x }']
  test.each([...WRONG, BOMB])('that is no YAML is refused in one line: %s', async (text) => {
    const error = await caught(() => written(text))
    expect(error.code).toBe('argument')
    expect(error.message).toMatch(/^\S*run\.yaml: .+$/)
  })

  test('that is not there, or is a directory, is said', async () => {
    const none = await caught(() => readRunFile(join(folder, 'none.yaml')))
    expect([none.code, none.message]).toEqual(['missing', `${join(folder, 'none.yaml')}: no such file or directory`])
    expect((await caught(() => readRunFile(folder))).message).toBe(`${folder}: is a directory, expected a file`)
  })
})

describe('writeWhole', () => {
  test('leaves nothing when the disk is full', async () => {
    const path = join(folder, 'result.json')
    // every write to /dev/full is answered with ENOSPC
    symlinkSync('/dev/full', `${path}.unfinished`)
    const error = await caught(() => writeWhole(path, 'x'))
    expect([error.code, error.message]).toEqual(['full', expect.stringContaining(`${path}: the disk is full`)])
    expect(readdirSync(folder)).toEqual([])
  })

  test('replaces a file', () => {
    const path = join(folder, 'result.json')
    writeWhole(path, 'old')
    writeWhole(path, 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(readdirSync(folder)).toEqual(['result.json'])
  })
})

describe('directory', () => {
  test('is made with what is missing above it, and may be there', () => {
    const path = join(folder, 'a', 'b', 'c')
    expect([directory(path), directory(folder, 'a', 'b', 'c')]).toEqual([path, path])
    writeWhole(join(path, 'file'), 'text')
  })

  test('says when a file is in its way', async () => {
    writeFileSync(join(folder, 'file'), '')
    expect((await caught(() => directory(folder, 'file'))).message).toContain('is a file, expected a directory')
    expect((await caught(() => directory(folder, 'file', 'below'))).code).toBe('missing')
  })

  test('has a name of the time and the strategy, whatever the strategy is called', () => {
    expect(defaultOut('spirt', new Date(2026, 0, 2, 3, 4, 5))).toBe('runs/2026-01-02T03-04-05-spirt')
    expect(defaultOut('../my strategy.js:k=1', new Date(2026, 0, 2, 3, 4, 5))).toBe(
      'runs/2026-01-02T03-04-05-..-my-strategy.js-k-1'
    )
  })
})

describe('a recorder', () => {
  const event = (time: number): RunEvent => ({ time, peer: 'p', type: 'connected', other: 'q' })

  test('writes one event a line', () => {
    const path = join(folder, 'events.ndjson')
    const recorder = new Recorder(path, (error) => expect.unreachable(error.message))
    recorder.add(event(1))
    recorder.add(event(2))
    recorder.close()
    const lines = readFileSync(path, 'utf8').split('\n')
    expect(lines.map((line) => (line === '' ? '' : (JSON.parse(line) as RunEvent).time))).toEqual([1, 2, ''])
  })

  const lines = (path: string) => readFileSync(path, 'utf8').split('\n')
  const record = (path: string, goOn: boolean, ...times: number[]) => {
    const recorder = new Recorder(path, (error) => expect.unreachable(error.message), { goOn })
    for (const time of times) recorder.add(event(time))
    recorder.close()
  }
  const timesIn = (path: string) =>
    lines(path)
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as RunEvent).time)

  test.each([
    ['nothing', '', [5]],
    ['whole lines', `${JSON.stringify(event(10))}\n${JSON.stringify(event(20))}\n`, [10, 20, 25]],
    ['a line that was torn', `${JSON.stringify(event(10))}\n{"time":20,"pe`, [10, 15]],
    ['only a torn line', '{"time":20,"pe', [5]],
    ['a long line', `${JSON.stringify({ ...event(10), other: 'q'.repeat(1 << 18) })}\n`, [10, 15]]
  ])('goes on after %s, in its time', (_what, before, times) => {
    const path = join(folder, 'events.ndjson')
    writeFileSync(path, before)
    record(path, true, 5)
    expect(timesIn(path)).toEqual(times)
    record(path, false, 7)
    expect(timesIn(path)).toEqual([7])
  })

  test('that goes on with a file that is not there makes it', () => {
    const path = join(folder, 'events.ndjson')
    record(path, true, 5)
    expect(timesIn(path)).toEqual([5])
  })

  test('says once that the disk is full, and goes on without', () => {
    const said: PeergradError[] = []
    const recorder = new Recorder('/dev/full', (error) => said.push(error))
    recorder.add(event(1))
    recorder.close()
    recorder.add(event(2))
    recorder.close()
    expect(said.map(({ code }) => code)).toEqual(['full'])
  })

  test('says when its file cannot be made', async () => {
    const error = await caught(() => new Recorder(join(folder, 'none', 'events.ndjson'), () => undefined))
    expect(error.code).toBe('missing')
  })
})
