import { existsSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { defaultOut, directory, quietly } from './files.js'
import { hold, holderOf } from './hold.js'
import { fileError } from './machine-error.js'
import type { Closing } from './peer/closing.js'

/** A directory that no other command of this machine writes to until it is closed. */
export interface HeldOut extends Closing {
  readonly path: string
}

/**
 * Holds the directory that was asked for, or a new one with a name of the time and `what`. One that is made here and
 * stays empty is gone when it is closed. Error `duplicate` when a process that runs on this machine holds it.
 */
export async function holdOut(out: string | undefined, what: string, now = new Date()): Promise<HeldOut> {
  const isNew = out === undefined || !existsSync(out)
  const path = out === undefined ? newDirectory(defaultOut(what, now)) : directory(out)
  const real = realpathSync(path)
  const held = await hold(real)
  if (held === undefined) {
    const holder = await holderOf(real)
    const who = holder ? `process ${holder} of this machine` : 'another process of this machine'
    const message = `out: ${who} writes to ${path}; wait until it has ended, or give another --out`
    throw new PeergradError('duplicate', message, { path })
  }
  return {
    path,
    async close() {
      if (isNew) quietly(() => rmdirSync(path))
      await held.close()
    }
  }
}

/** Whether a process of this machine writes to a directory, or to one around it, as a comparison does; not when it is gone. */
export async function isWritten(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  for (let each = realpathSync(path); ; each = dirname(each)) {
    if ((await holderOf(each)) !== undefined) return true
    if (each === dirname(each)) return false
  }
}

/** The first of `name`, `name-2`, `name-3` … that was not there. */
function newDirectory(name: string): string {
  directory(dirname(name))
  for (let number = 1; ; number++) {
    const path = number === 1 ? name : `${name}-${number}`
    try {
      mkdirSync(path)
      return path
    } catch (thrown) {
      if (!existsSync(path)) throw fileError(path, thrown)
    }
  }
}
