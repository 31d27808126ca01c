import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { resolveOptions } from '@peergrad/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { holdIdentity, type HeldIdentity } from '../src/peer/identity.js'

let folder: string
let held: HeldIdentity[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-identity-'))
  held = []
})
afterEach(async () => {
  for (const each of held) await each.close()
  rmSync(folder, { recursive: true, force: true })
})

async function hold(flags: Record<string, string> = { 'data-dir': folder }): Promise<HeldIdentity> {
  const identity = await holdIdentity(resolveOptions({ flags }).options)
  held.push(identity)
  return identity
}

test('a peer alone on its machine has the same key each time', async () => {
  const first = await hold()
  expect(first.file).toBe(join(folder, 'identity.key'))
  await first.close()
  expect((await hold()).file).toBe(first.file)
})

test('peers that run at once have a key each', async () => {
  const names = (await Promise.all([hold(), hold(), hold()])).map(({ file }) => basename(file))
  expect(names.sort()).toEqual(['identity-2.key', 'identity-3.key', 'identity.key'])
})

test('the first key that is free again is the next one to be taken', async () => {
  const [first] = [await hold(), await hold()]
  await first!.close()
  expect((await hold()).file).toBe(first!.file)
})

test('a key that was asked for and is held is refused, by another way to the same file too', async () => {
  const file = join(folder, 'mine.key')
  await hold({ identity: file })
  const link = join(folder, 'link')
  symlinkSync(folder, link)
  for (const identity of [file, join(link, 'mine.key')]) {
    await expect(hold({ identity })).rejects.toMatchObject({ code: 'duplicate', data: { file: identity } })
  }
})

test('a process that is killed does not keep its key', async () => {
  const flags = { identity: join(folder, 'identity.key') }
  const other = fork(join(import.meta.dirname, 'fixtures', 'holder.mjs'), [flags.identity])
  await once(other, 'message')
  await expect(hold(flags)).rejects.toMatchObject({ code: 'duplicate' })
  other.kill('SIGKILL')
  await once(other, 'exit')
  await hold(flags)
})
