import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, systemClock } from '@peergrad/core'
import { MODULE, redisServerVersion } from '@peergrad/store'
import { expect, onTestFinished, test } from 'vitest'
import { closeAll, type Closing } from '../src/peer/closing.js'
import { Leaving } from '../src/peer/leaving.js'
import { onePeer } from '../src/peer/peer.js'
import { openStore, outside } from '../src/stores.js'
import { optionsOf, SILENT } from './doctor/support.js'

const MIB = 2 ** 20
const noServer = redisServerVersion() === undefined && ': there is no redis-server here'
const absent = noServer || (existsSync(MODULE) ? '' : ': the module is not built')

test.skipIf(absent !== '')(`a private server has room for all that --memory allows${absent}`, async () => {
  const memory = 400
  const opened: Closing[] = []
  onTestFinished(() => closeAll(opened, SILENT))
  const store = await openStore({
    options: optionsOf({ store: 'redis', memory }),
    ...{ run: 'r', peer: 'room-for-all', pluginTimeout: 10_000, opened },
    ...{ arena: Arena.create({ bytes: memory * MIB }), clock: systemClock(), logger: SILENT }
  })
  // the server's allocator has no size between 5 and 6 MiB
  const bytes = 5 * MIB + 4096
  const lease = store.lease(bytes / 4)
  lease.vector.fill(1)
  await store.put('v:0', lease)
  const count = Math.floor((memory * MIB) / bytes)
  for (let k = 1; k < count; k++) await store.average(['v:0'], `v:${k}`)
  expect(await store.usage()).toEqual({ bytes: count * bytes, limit: memory * MIB })
})

test('a store of a user that never opens is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const store = join(folder, 'mute.mjs')
  writeFileSync(
    store,
    `export default () => ({ name: 'mute', describe: 'says nothing', open: () => new Promise(() => {}) })`
  )
  const opening = openStore({
    options: optionsOf({ store }),
    ...{ run: 'r', peer: 'p', pluginTimeout: 50, opened: [] },
    ...{ arena: Arena.create({ bytes: MIB }), clock: systemClock(), logger: SILENT }
  })
  await expect(opening).rejects.toMatchObject({ message: 'store mute did not end its work within 0.05 s' })
})

test('a peer that joins says of a URL that it is none before it opens anything', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const out = join(folder, 'out')
  const peer = onePeer({
    options: optionsOf({ 'redis-url': 'redis://:p%zz@host', 'data-dir': folder }),
    out,
    describesRun: false,
    leaving: new Leaving(() => undefined),
    speaks: () => false,
    onMetrics: () => undefined,
    onEvent: () => undefined
  })
  await expect(peer).rejects.toMatchObject({ code: 'argument', message: expect.stringContaining('got a %') as unknown })
  expect(existsSync(out)).toBe(false)
})

test('a private server without our module is said to leave the work to the peer', () => {
  const missing = join(tmpdir(), 'no-module.so')
  expect(outside(optionsOf({ store: 'redis' }), missing)).toContain('npm run build:module')
  expect(outside(optionsOf({ store: 'redis' }), import.meta.filename)).toBeUndefined()
  expect(outside(optionsOf({ store: 'redis', 'redis-url': 'redis://host' }), missing)).toBeUndefined()
  expect(outside(optionsOf({}), missing)).toBeUndefined()
})
