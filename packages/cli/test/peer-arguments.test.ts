import { OPTIONS, resolveOptions, type OptionName } from '@peergrad/core'
import { expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.js'
import { parseCommandLine } from '../src/parse.js'
import { runFileText } from '../src/run-file-text.js'
import { peerArguments } from '../src/train/peer-arguments.js'

/** Of the options of a peer that a run of peers here takes, what is not what it is unless given. */
const GIVEN: Readonly<Record<string, string | number | boolean>> = {
  'engine-workers': 3,
  memory: 777,
  stream: true,
  'checkpoint-every': 7,
  'data-dir': '/data',
  'log-level': 'debug',
  metrics: '127.0.0.1:9400',
  'secret-file': '/secret'
}
/** Which go another way: each peer has its own directory and checkpoint, and an address with a password is no argument. */
const OTHERWISE = ['out', 'resume', 'redis-url']

const FILES = { runFile: '/run.yaml', own: '/own', number: 0, addresses: [], resume: undefined }

const commands = COMMANDS.filter(({ name }) => name === 'train' || name === 'compare')

test.each(commands)('$name hands every option of a peer to its peers', async ({ options: taken }) => {
  const ofPeers = taken.filter((name) => OPTIONS[name].group !== 'run' && !OTHERWISE.includes(name))
  const { options } = resolveOptions({ flags: GIVEN })
  const parsed = await parseCommandLine(peerArguments(options, FILES), COMMANDS, '0')
  if ('print' in parsed) expect.unreachable('it prints a text')
  const handed = resolveOptions({ flags: parsed.call.options }).options
  for (const name of ofPeers) expect(handed, name).toHaveProperty(name, GIVEN[name])
})

test('the run file has every option of a run', () => {
  const { options } = resolveOptions({ flags: {} })
  const file = runFileText(options, '.')
  const ofRuns = (Object.keys(OPTIONS) as OptionName[]).filter((name) => OPTIONS[name].group === 'run')
  expect(ofRuns.filter((name) => options[name] !== undefined && !file.includes(`${name}:`))).toEqual([])
})
