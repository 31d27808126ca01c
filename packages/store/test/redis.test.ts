import { Arena, virtualClock } from '@peergrad/core'
import { PrivateServer, redisStore } from '@peergrad/store'
import { afterAll, beforeAll, describe } from 'vitest'
import { storeCompliance } from '../../../test/compliance/store.js'
import { serverPlaces } from './redis-places.js'

describe.each(serverPlaces)('Redis, $name', ({ name, module, absent }) => {
  describe.skipIf(absent)(absent ?? 'runs', () => {
    let server: PrivateServer
    beforeAll(async () => {
      server = await PrivateServer.start({
        peer: name.replaceAll(' ', '-'),
        memory: 256 << 20,
        ...(module && { module })
      })
    })
    afterAll(() => server?.close())

    storeCompliance('redis', async ({ limit }) => {
      const clock = virtualClock()
      const arena = Arena.create({ bytes: 32 << 20 })
      const store = await redisStore({ url: server.url, run: 'laws', peer: 'peer', arena, limit, clock })
      return { store, advance: (ms) => clock.advance(ms) }
    })
  })
})
