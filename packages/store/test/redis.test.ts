import { Arena } from '@peergrad/core'
import { PrivateServer, redisStore } from '@peergrad/store'
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe } from 'vitest'
import { storeCompliance } from '../../../test/compliance/store.js'
import { virtualClock } from '../../../test/utils/virtual-clock.js'

const absent =
  spawnSync('redis-server', ['--version']).error === undefined ? undefined : 'there is no redis-server here'

describe.skipIf(absent)(`the redis driver${absent === undefined ? '' : `: ${absent}`}`, () => {
  let server: PrivateServer
  beforeAll(async () => {
    server = await PrivateServer.start({ peer: 'compliance-plain', memory: 256 << 20 })
  })
  afterAll(() => server?.close())

  storeCompliance('redis, any server', async ({ limit }) => {
    const clock = virtualClock()
    const store = await redisStore({
      url: server.url,
      run: 'compliance',
      peer: 'peer',
      arena: Arena.create({ bytes: 32 << 20 }),
      limit,
      clock
    })
    return { store, advance: (ms) => clock.advance(ms) }
  })
})
