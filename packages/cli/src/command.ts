import type { Option, OptionName } from '@peergrad/core'

/** A flag that is a command's own and no option of a run. */
export interface Flag {
  readonly type: 'boolean' | 'text'
  readonly placeholder?: string
  /** the flag may stand without a value, which is an empty text then */
  readonly optional?: boolean
  readonly describe: string
}

/** What a command was called with. */
export interface Call {
  /** values of options by word, as text; what was not given is absent */
  readonly options: Readonly<Record<string, unknown>>
  /** values of the command's own flags */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  readonly words: readonly string[]
}

/** One command: flags, help and docs/guide/cli.md come from it. `run` resolves to the exit code. */
export interface Command {
  readonly name: string
  /** words after the name, e.g. "NAME", "[NAME]", or "[NAME…]" for any number */
  readonly positional?: string
  readonly describe: string
  /** options of the table that it takes */
  readonly options: readonly OptionName[]
  /** what one of them does here, where that is something else than for `train` */
  readonly meanings?: Readonly<Partial<Record<OptionName, Partial<Pick<Option<unknown>, 'describe' | 'defaultText'>>>>>
  readonly flags: Readonly<Record<string, Flag>>
  readonly examples: readonly (readonly [command: string, meaning: string])[]
  run(call: Call): Promise<number>
}

export const JSON_FLAG: Flag = {
  type: 'boolean',
  describe: 'print one JSON document on standard output, and nothing else there'
}

export const RUN_FILE_FLAG: Flag = {
  type: 'text',
  placeholder: 'FILE',
  describe: 'run file: YAML with the same words as the flags, which go before it'
}

export const REUSABLE_FLAG: Flag = {
  type: 'boolean',
  describe: 'an invitation that names nobody lets in any number of peers, not the first one alone'
}

export const DASHBOARD_FLAG: Flag = {
  type: 'text',
  placeholder: '[PORT]',
  optional: true,
  describe:
    'show the run in the browser as it goes on; serves on this machine only, at any free port unless one is given, and prints the address, which works once'
}
