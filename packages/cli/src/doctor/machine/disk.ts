import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Options } from '@peergrad/core'
import { cacheDirectory } from '../../compose.js'
import { fileError } from '../../machine-error.js'
import { bytes } from '../../output/units.js'
import { findings, type Finding } from '../finding.js'

const { ok, warn, fail, failed } = findings('disk')

/** Bytes: what a log and the checkpoints of a small model take, and those of a long run of a large one. */
const ROOM = { least: 50e6, enough: 500e6 }

/** Room where checkpoints, events and logs go, and where data are kept; and the right to write there. */
export function disk(options: Options): Finding {
  const wanted = [
    { path: resolve(options.out ?? 'runs'), word: '--out' },
    { path: resolve(cacheDirectory(options)), word: '--data-dir' }
  ]
  const rooms = wanted.map(({ path, word }) => ({ path, word, ...roomAt(path) }))
  const broken = rooms.find(({ error }) => error !== undefined)
  if (broken !== undefined) return failed(broken.error, 'not-writable')
  const least = rooms.reduce((a, b) => (b.free < a.free ? b : a))
  const disks = rooms.filter(({ device }, index) => rooms.findIndex((each) => each.device === device) === index)
  const found = disks.map(({ path, free }) => `${bytes(free)} free for ${path}`).join(', ')
  const data = { free: Object.fromEntries(rooms.map(({ path, free }) => [path, free])) }
  if (least.free >= ROOM.enough) return ok(found, data)
  const advice = `make room, or name another place with ${least.word}; checkpoints and logs of a run want ${bytes(ROOM.enough)}`
  return least.free < ROOM.least ? fail('disk-full', found, advice, data) : warn('disk-small', found, advice, data)
}

/** Of the nearest directory above that there is: the rest would be made in it. */
function roomAt(path: string): { free: number; device: number; error?: Error } {
  const there = existsSync(path) || dirname(path) === path ? path : undefined
  if (there === undefined) return roomAt(dirname(path))
  try {
    accessSync(there, constants.W_OK)
    const { bavail, bsize } = statfsSync(there)
    return { free: bavail * bsize, device: statSync(there).dev }
  } catch (thrown) {
    return { free: 0, device: 0, error: fileError(there, thrown) }
  }
}
