import { OPTION_NAMES, PeergradError } from '@peergrad/core'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.js'
import { commandLinePage, exitCodesPage } from '../src/docs.js'
import { EXIT } from '../src/exit-codes.js'
import { parseCommandLine } from '../src/parse.js'

const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), COMMANDS, '9.9.9')

async function call(line: string) {
  const parsed = await parse(line)
  if ('print' in parsed) throw new Error('printed instead')
  return { name: parsed.command.name, ...parsed.call }
}

async function refusal(line: string): Promise<PeergradError> {
  const thrown: unknown = await parse(line).catch((error: unknown) => error)
  if (thrown instanceof PeergradError) return thrown
  throw new Error('nothing was refused')
}

describe('a command line', () => {
  test('gives values as text, and only those that were given', async () => {
    const { name, options, flags } = await call('train --peers 2 --lr -1 --codec=f16 --seed 0x10 --json')
    expect(name).toBe('train')
    expect(options).toEqual({ peers: '2', lr: '-1', codec: 'f16', seed: '0x10' })
    expect(flags).toEqual({ json: true, run: undefined, dashboard: undefined })
  })

  test('takes a list by the flag again, and a boolean with and without no-', async () => {
    expect((await call('peer --join /a --join /b --mdns')).options).toEqual({ join: ['/a', '/b'], mdns: true })
    expect((await call('peer --no-mdns')).options).toEqual({ mdns: false })
  })

  test('takes a name where a command has one', async () => {
    expect((await call('data mnist')).words).toEqual(['mnist'])
    expect((await call('data')).words).toEqual([])
  })

  test('takes a flag that may stand without a value either way', async () => {
    expect((await call('train --dashboard 8080 --json')).flags).toMatchObject({ dashboard: '8080', json: true })
    expect((await call('train --dashboard --json')).flags).toMatchObject({ dashboard: '', json: true })
    expect((await call('train --dashboard')).flags).toMatchObject({ dashboard: '' })
    expect((await call('train')).flags['dashboard']).toBeUndefined()
  })

  test.each([
    ['-h', '--help'],
    ['help', '--help'],
    ['train -h', 'train --help'],
    ['help train', 'train --help']
  ])('%s prints what %s does', async (line, long) => {
    const expected = await parse(long)
    expect(expected).toEqual({ print: expect.stringContaining('peergrad') })
    expect(await parse(line)).toEqual(expected)
  })

  test.each([
    ['trian', 'trian: no such command; did you mean "train"?'],
    ['train --epoch 3', '--epoch: no such option; did you mean "--epochs"?'],
    ['train --join /a', '--join: no such option'],
    ['train -x', '--x: no such option'],
    ['--foo', '--foo: no such option'],
    ['--verison', '--verison: no such option; did you mean "--version"? expected one of --help --version'],
    ['train --verison', '--verison: no such option; did you mean "--version"?'],
    ['help trian', 'trian: no such command; did you mean "train"?']
  ])('%s: %s', async (line, message) => {
    const error = await refusal(line)
    expect(error.code).toBe('unknown')
    expect(error.message).toContain(message)
  })

  test.each([
    ['train --lr', '--lr: got nothing, expected a value'],
    ['train --run', '--run: got nothing, expected a value'],
    ['train --run a --run b', '--run: got 2 values, expected one'],
    ['attack --attacks a --attacks b', '--attacks: got 2 values, expected one; separate them by commas'],
    ['train mnist', 'train: got mnist, expected train [options]'],
    ['data mnist cifar10', 'data: got mnist cifar10, expected data [NAME] [options]']
  ])('%s: %s', async (line, message) => {
    const error = await refusal(line)
    expect(error.code).toBe('argument')
    expect(error.message).toContain(message)
  })

  test.each(['', '--help', 'train --help', 'peer --help', 'bench --help'])('"%s" prints help', async (line) => {
    expect(await parse(line)).toMatchObject({ print: expect.stringContaining('peergrad') as unknown })
  })

  test('prints the version', async () => {
    expect(await parse('--version')).toEqual({ print: '9.9.9' })
  })

  test.each([
    ['compare', 'each run had it first; it ends none'],
    ['compare', 'default: 0, so that none is in the time'],
    ['simulate', 'default: none are written'],
    ['export', 'where model.json and weights.bin go [default: model, in the directory of the peer]'],
    ['export', 'peergrad export CHECKPOINT'],
    ['report', 'where report.html and report.md go [default: DIR]']
  ])('help of %s says what an option is there: %s', async (name, text) => {
    const parsed = await parse(`${name} --help`)
    expect('print' in parsed && parsed.print.replace(/\s+/g, ' ')).toContain(text)
  })

  test('help of a command names each of its options and an example', async () => {
    for (const command of COMMANDS) {
      const parsed = await parse(`${command.name} --help`)
      const help = 'print' in parsed ? parsed.print : ''
      for (const word of [...command.options, ...Object.keys(command.flags)]) expect(help).toContain(`--${word}`)
      expect(help).toContain('Examples:')
    }
  })
})

test.each(['identity', 'secret-file', 'invitation', 'patience'])(
  'dashboard DIR refuses --%s, which is for the address of a peer',
  async (word) => {
    const { name, ...given } = await call(`dashboard ${import.meta.dirname} --${word} 3`)
    const command = COMMANDS.find((each) => each.name === name)!
    await expect(command.run(given)).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining(`--${word}`)
    })
  }
)

describe('the guide', () => {
  test('has every command, option and exit code', () => {
    const page = commandLinePage()
    for (const { name } of COMMANDS) expect(page).toContain(`## peergrad ${name}\n`)
    for (const word of OPTION_NAMES) expect(page).toContain(`| \`--${word}`)
    for (const { code, name } of Object.values(EXIT)) expect(exitCodesPage()).toContain(`| ${code} | ${name} |`)
  })
})
