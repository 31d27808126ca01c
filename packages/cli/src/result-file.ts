import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { writeWhole } from './files.js'
import { fileError } from './machine-error.js'
import type { RunResult } from './outcome.js'
import { print, printJson, say } from './output/print.js'
import { summary, type SummaryFiles } from './output/summary.js'

const fileIn = (out: string) => join(out, 'result.json')

/** A run that begins or goes on has no result yet: what is there is that of before. */
export function removeResult(out: string): void {
  try {
    rmSync(fileIn(out), { force: true })
  } catch (thrown) {
    throw fileError(fileIn(out), thrown)
  }
}

/** Says why it could not, and returns that: the run is over, and what it came to is still to be shown. */
export function writeResult(out: string, result: RunResult): PeergradError | undefined {
  try {
    writeWhole(fileIn(out), `${JSON.stringify(result, null, 2)}\n`)
    return undefined
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    say(`peergrad: ${error.message}`)
    return error
  }
}

/** For a program or for a person. */
export function printResult(result: RunResult, { json, ...files }: SummaryFiles & { readonly json: boolean }): void {
  if (json) printJson(result)
  else print(summary(result, files))
}
