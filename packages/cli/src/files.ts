import { accessSync, closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '@peergrad/core'
import { fileError } from './machine-error.js'

/** Directory of the model of a run, for other tools. */
export const MODEL = 'model'

/** File of the addresses of the peers of a run. */
export const PEERS = 'peers.json'

/** Writes a file whole or not at all. Errors: `full`, `missing` … with the path in the message. */
export function writeWhole(path: string, text: string): void {
  const unfinished = `${path}.unfinished`
  try {
    const file = openSync(unfinished, 'w')
    try {
      const bytes = Buffer.from(text)
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, path)
  } catch (thrown) {
    quietly(() => rmSync(unfinished, { force: true }))
    throw fileError(path, thrown)
  }
}

/** Cleaning up after an error must not hide it. */
export function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // the error that is being handled says more
  }
}

/** The directory, made where it is not there. */
export function directory(...path: readonly string[]): string {
  const whole = join(...path)
  try {
    makeDirectory(whole)
  } catch (thrown) {
    throw fileError(whole, thrown)
  }
  return whole
}

/** The same, and files can be made in it. */
export function writableDirectory(path: string): string {
  directory(path)
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch (thrown) {
    throw fileError(path, thrown)
  }
  return path
}

/** `runs/2026-01-31T12-00-00-spirt`, of the machine's time. */
export function defaultOut(strategy: string, now = new Date()): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000)
  const time = local.toISOString().slice(0, 19).replaceAll(':', '-')
  return join('runs', `${time}-${strategy.replace(/[^\w.-]+/g, '-').slice(0, 40)}`)
}
