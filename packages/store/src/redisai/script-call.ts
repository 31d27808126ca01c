import { PeergradError } from '@peergrad/core'
import type { RemoteTensor } from '../remote/remote-tensor.js'
import type { EntryPoint } from './script.js'

export interface ScriptCall {
  readonly script: string
  readonly entry: EntryPoint
  readonly inputs: readonly RemoteTensor[]
  /** numbers only: RedisAI hands its arguments to the script unseen */
  readonly args: readonly number[]
  /** names of the results */
  readonly outputs: readonly string[]
  /** milliseconds that the call may wait for its turn; a script that runs is not stopped */
  readonly timeout: number
}

const NAME = /^[A-Za-z0-9._:{}-]+$/

/** What a dimension may be: RedisAI 1.2.7 multiplies them unseen, and dies of a product that overflows. */
const LONGEST = 2 ** 31 - 1

/**
 * Arguments of AI.SCRIPTEXECUTE, in the one order that RedisAI 1.2.7 takes. It does not survive a call with nothing
 * after the function, and takes NaN without a word: so all is checked here, before the wire. Errors: `argument`,
 * `shape`, `non-finite`.
 */
export function scriptExecute({ script, entry, inputs, args, outputs, timeout }: ScriptCall): (string | number)[] {
  if (inputs.length === 0 || outputs.length === 0) {
    const message = `store: ${entry} got ${inputs.length} inputs and ${outputs.length} outputs, expected at least one of each`
    throw new PeergradError('argument', message)
  }
  inputs.forEach(({ length }) => checkLength(length))
  return [
    checkName(script),
    entry,
    'INPUTS',
    inputs.length,
    ...inputs.map(({ name }) => checkName(name)),
    ...(args.length === 0 ? [] : ['ARGS', args.length, ...args.map(checkNumber)]),
    'OUTPUTS',
    outputs.length,
    ...outputs.map(checkName),
    'TIMEOUT',
    timeout
  ]
}

/** Error `argument` for a name that this driver would not give. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name
  throw new PeergradError('argument', `store: got the name ${JSON.stringify(name)}, expected A-Z a-z 0-9 . _ : { } -`)
}

/** Error `shape` for a number of floats that is no dimension of a tensor. */
export function checkLength(length: number): number {
  if (Number.isSafeInteger(length) && length >= 1 && length <= LONGEST) return length
  throw new PeergradError('shape', `store: got a tensor of ${length} floats, expected 1 to ${LONGEST}`)
}

/** As a float32, in decimals that a float64 reads back exactly, as the kernels round their coefficients once. */
function checkNumber(value: number): number {
  const rounded = Number.isSafeInteger(value) ? value : Math.fround(value)
  if (Math.abs(rounded) < 2 ** 128) return rounded
  throw new PeergradError('non-finite', `store: got a coefficient of ${value}, expected a finite float32`)
}
