import { OPTIONS, PeergradError, suggestion, unknownOption, type Option } from '@peergrad/core'
import yargs, { type Options as YargsOption } from 'yargs'
import type { Call, Command } from './command.js'

const GROUPS = { run: 'Run:', peer: 'This machine:' }

export type Parsed = { readonly command: Command; readonly call: Call } | { readonly print: string }

/**
 * The command and what it was called with, or a text to print (help, version; `help train` is `train --help`). Errors: `unknown` for a command or
 * option that is none, with the nearest; `argument` for an option without its value. Values are checked later.
 */
export async function parseCommandLine(
  args: readonly string[],
  commands: readonly Command[],
  version: string
): Promise<Parsed> {
  const [first] = args
  if (first === 'help') return parseCommandLine([...args.slice(1), '--help'], commands, version)
  const command = commands.find(({ name }) => name === first)
  if (command === undefined && first !== undefined && !first.startsWith('-')) {
    const names = commands.map(({ name }) => name)
    throw new PeergradError(
      'unknown',
      `${first}: no such command; ${suggestion(first, names)}expected one of ${names.join(', ')}`
    )
  }
  const parser = command === undefined ? overview(commands) : commandParser(command)
  let print = ''
  const argv = await parser
    .scriptName('peergrad')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false
    })
    .version(version)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .exitProcess(false)
    .fail((message: string, error: Error | undefined) => {
      throw error instanceof PeergradError ? error : new PeergradError('argument', yargsMessage(message))
    })
    .parseAsync(
      command === undefined ? [...args] : args.slice(1),
      {},
      (_error: unknown, _argv: unknown, output: string) => {
        print = output
      }
    )
  if (print !== '') return { print }
  const known = [
    ...(command === undefined ? [] : [...command.options, ...Object.keys(command.flags)]),
    'help',
    'version'
  ]
  for (const key of Object.keys(argv)) {
    if (!['_', '$0', 'h', ...known].includes(key)) throw unknownOption(key, '--', known)
  }
  if (command === undefined) return { print: await parser.getHelp() }
  return { command, call: toCall(command, argv) }
}

function toCall(command: Command, argv: Readonly<Record<string, unknown>>): Call {
  const words = Array.isArray(argv['_']) ? argv['_'].map(String) : []
  if (words.length > mostWords(command)) {
    throw new PeergradError('argument', `${command.name}: got ${words.join(' ')}, expected ${usage(command)}`)
  }
  const flags: Record<string, string | boolean | undefined> = {}
  for (const [word, { type, placeholder = '' }] of Object.entries(command.flags)) {
    const value = argv[word]
    if (Array.isArray(value)) {
      const how = placeholder.includes(',') ? `; separate them by commas, as in --${word} ${placeholder}` : ''
      throw new PeergradError('argument', `--${word}: got ${value.length} values, expected one${how}`)
    }
    flags[word] = type === 'boolean' ? value === true : value === undefined ? undefined : String(value)
  }
  const options = Object.fromEntries(
    command.options.map((word) => [word, argv[word]]).filter(([, value]) => value !== undefined)
  )
  return { options, flags, words }
}

/** One for each word of the usage; any number when that ends with dots. */
function mostWords({ positional = '' }: Command): number {
  return positional.includes('…') ? Infinity : positional.split(' ').filter((word) => word !== '').length
}

function overview(commands: readonly Command[]) {
  let parser = yargs().usage(
    'peergrad COMMAND [options]\n\nPeers train one model together, and no server does it for them.'
  )
  for (const command of commands)
    parser = parser.command(`${command.name} ${command.positional ?? ''}`.trim(), command.describe)
  return parser
    .example('peergrad train', 'four peers on this machine train a CNN on MNIST')
    .epilogue('peergrad COMMAND --help says more about each.')
}

function commandParser(command: Command) {
  let parser = yargs().usage(`peergrad ${usage(command)}\n\n${command.describe}`)
  for (const [word, flag] of Object.entries(command.flags)) {
    parser = parser.option(word, {
      describe: flag.describe,
      ...(flag.type === 'boolean'
        ? { type: 'boolean' }
        : flag.optional === true
          ? { type: 'string' }
          : { requiresArg: true })
    })
  }
  for (const word of command.options)
    parser = parser.option(word, yargsOption({ ...OPTIONS[word], ...command.meanings?.[word] }))
  for (const [line, meaning] of command.examples) parser = parser.example(line, meaning)
  return parser
}

function yargsOption(option: Option<unknown>): YargsOption {
  return {
    group: GROUPS[option.group],
    describe: option.describe + (option.unit === undefined ? '' : ` (${option.unit})`),
    ...(option.type === 'boolean' ? { type: 'boolean' } : { requiresArg: true }),
    ...(defaultText(option) === '' ? {} : { defaultDescription: defaultText(option) })
  }
}

/** The default as help and the guide show it; empty when there is none. */
export function defaultText(option: Option<unknown>): string {
  if (option.defaultText !== undefined) return option.defaultText
  const { default: value } = option
  return value === undefined || (Array.isArray(value) && value.length === 0) ? '' : String(value)
}

export function usage(command: Command): string {
  return [command.name, command.positional, '[options]'].filter((part) => part !== undefined).join(' ')
}

function yargsMessage(message: string): string {
  const missing = /^Not enough arguments following: (.+)$/.exec(message)
  return missing === null ? message : `--${missing[1]}: got nothing, expected a value`
}
