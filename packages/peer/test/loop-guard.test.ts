import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'

const CHILD = join(import.meta.dirname, 'loop-guard-child.mjs')

function play(what: string) {
  return spawnSync(process.execPath, [CHILD, what], { encoding: 'utf8', timeout: 25_000 })
}

it.each([
  ['loops', 'mine has kept the main thread for 0.5 s', 'loop-guard-child.mjs:'],
  ['matches for ever', 'mine has kept the main thread for 0.5 s', 'loop-guard-child.mjs:'],
  ['loops elsewhere', 'the main thread, on which one, other may run, was kept for 0.5 s', 'loop-guard-child.mjs:']
])('a main thread that %s is ended with a sentence, code 2 and the line', (what, sentence, place) => {
  const { status, stderr } = play(what)
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(sentence)])
  expect(stderr).toContain(place)
  expect(status).toBe(2)
})

it('one that waits where no JavaScript runs is killed, with a sentence', () => {
  const { signal, stderr } = play('waits for a command')
  expect(stderr).toContain('the main thread, on which mine may run, was kept for 1 s, so the process was ended')
  expect(signal).toBe('SIGKILL')
})

it('one that works long but turns goes on', () => {
  expect(play('works long')).toMatchObject({ status: 0, stderr: '' })
})

it('a process that was stopped for longer than that goes on', async () => {
  const child = fork(CHILD, ['stands still'])
  await once(child, 'message')
  child.kill('SIGSTOP')
  // who is stopped gives no sign: it is for how long that matters
  await wait(1500)
  child.kill('SIGCONT')
  child.send('end')
  expect(await once(child, 'exit')).toEqual([0, null])
})
