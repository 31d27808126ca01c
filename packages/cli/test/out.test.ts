import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { directory } from '../src/files.js'
import { holdOut, isWritten, type HeldOut } from '../src/out.js'

const NOW = new Date(2026, 0, 2, 3, 4, 5)

let folder: string
let held: HeldOut[]
let before: string
beforeEach(() => {
  before = process.cwd()
  folder = mkdtempSync(join(tmpdir(), 'peergrad-out-'))
  held = []
  process.chdir(folder)
})
afterEach(async () => {
  for (const each of held) await each.close()
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

async function hold(out: string | undefined): Promise<HeldOut> {
  const one = await holdOut(out, 'spirt', NOW)
  held.push(one)
  return one
}

test('commands that start in the same second have a directory each', async () => {
  const paths = (await Promise.all([hold(undefined), hold(undefined), hold(undefined)])).map(({ path }) => path)
  const name = join('runs', '2026-01-02T03-04-05-spirt')
  expect(paths).toEqual([name, `${name}-2`, `${name}-3`])
})

test('a directory that is there already is not taken for a new one', async () => {
  const first = await hold(undefined)
  writeFileSync(join(first.path, 'file'), '')
  await first.close()
  expect((await hold(undefined)).path).toBe(`${first.path}-2`)
})

test('one that is held is refused, by another way to it too, and says who has it', async () => {
  const out = join(folder, 'out')
  await hold(out)
  const link = join(folder, 'link')
  symlinkSync(folder, link)
  for (const path of [out, join(link, 'out')]) {
    const message = `out: process ${process.pid} of this machine writes to ${path}; wait until it has ended, or give another --out`
    await expect(hold(path)).rejects.toMatchObject({ code: 'duplicate', data: { path }, message })
  }
})

test('one that is closed can be held again', async () => {
  const out = join(folder, 'out')
  await (await hold(out)).close()
  expect((await hold(out)).path).toBe(out)
})

test('what is in one that is held is written to, until it is closed', async () => {
  const out = join(folder, 'out')
  const one = await hold(out)
  const within = directory(join(out, 'cell'))
  expect(await Promise.all([out, within, folder].map(isWritten))).toEqual([true, true, false])
  await one.close()
  expect(await isWritten(within)).toBe(false)
  rmSync(within, { recursive: true })
  expect(await isWritten(within)).toBe(false)
})

test('what was made and not used is gone again; what was there stays', async () => {
  const [used, unused] = [join(folder, 'used'), join(folder, 'unused')]
  for (const path of [used, unused]) {
    const one = await hold(path)
    if (path === used) writeFileSync(join(path, 'file'), '')
    await one.close()
  }
  expect(readdirSync(folder)).toEqual(['used'])
  rmSync(join(used, 'file'))
  await (await hold(used)).close()
  expect(readdirSync(folder)).toEqual(['used'])
})
