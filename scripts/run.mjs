import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs a program to its end and resolves to its exit code, 128 + signal when a signal ended it, and what it printed
 * where `stdio` is a pipe. Signals that reach this process go on to it.
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, options)
    const output = []
    child.stdout?.on('data', (bytes) => output.push(bytes))
    child.stderr?.on('data', (bytes) => output.push(bytes))
    const pass = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, pass)
    const end = (code, text) => {
      for (const signal of signals) process.off(signal, pass)
      resolve({ code, output: Buffer.concat(output).toString() + text })
    }
    child.once('error', (error) => end(127, `${program}: ${error.message}\n`))
    child.once('close', (code, signal) => end(code ?? 128 + constants.signals[signal], ''))
  })
}
