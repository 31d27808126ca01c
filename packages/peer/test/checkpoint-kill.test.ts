import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { random } from '@peergrad/core'
import { findCheckpoint } from '@peergrad/peer'
import { expect, it } from 'vitest'
import { positionOf, scratch } from './checkpoint-support.js'

const CHILD = join(import.meta.dirname, 'checkpoint-child.mjs')
const SEED = 1
const KILLS = 12

/**
 * Starts a process that saves from `round` on and kills it at the n-th change that it makes in the directory: a file
 * made, written to, renamed or deleted. Resolves to the last round that it said was saved.
 */
async function killed(directory: string, round: number, changes: number): Promise<number> {
  const child = fork(CHILD, [directory, JSON.stringify(positionOf(round))])
  let saved = round - 1
  child.on('message', (message: { saved: number }) => (saved = message.saved))
  let left = changes
  const watcher = watch(directory, () => {
    if (--left === 0) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  watcher.close()
  expect(signal).toBe('SIGKILL')
  return saved
}

it('a process killed while it saves leaves a good checkpoint, each time', { timeout: 120_000 }, async () => {
  const directory = join(scratch(), 'checkpoints')
  mkdirSync(directory)
  const choose = random(SEED, 'kill')
  let round = 1
  let unfinished = 0
  // once it has all that are kept
  round += await killed(directory, round, 40)
  for (let kill = 0; kill < KILLS; kill++) {
    const saved = await killed(directory, round, 1 + choose.below(25))
    const { position, skipped } = await findCheckpoint(directory)
    // what was said to be saved is there, and nothing under the name of a checkpoint is anything else
    expect(position.round).toBeGreaterThanOrEqual(saved)
    expect(skipped).toEqual([])
    const names = await readdir(directory)
    unfinished += Number(names.includes('unfinished'))
    // one more than are kept when it was killed before it deleted the oldest
    const whole = names.filter((name) => name.endsWith('.safetensors')).length
    expect(whole).toBeGreaterThanOrEqual(3)
    expect(whole).toBeLessThanOrEqual(4)
    round = position.round + 1
  }
  expect(unfinished, 'kills that hit the writing').toBeGreaterThan(0)
})
