import type { GradientStore } from '@peergrad/core'
import { openOnServer, type ServerInit } from './server.js'
import { Strings } from './strings.js'
import { ModuleTensors } from './tensors.js'

export type RedisStoreInit = ServerInit

const OLDEST = [6, 2] as const

/**
 * The `redis` driver: with our module loaded the server averages, aggregates and updates; any other server from 6.2 on
 * keeps the vectors, and they are worked on here.
 */
export function redisStore(init: RedisStoreInit): Promise<GradientStore> {
  return openOnServer(init, OLDEST, async ({ data, patience, knows, connect }) => {
    // the newest of its commands
    if (await knows('PEERGRAD.JOIN')) {
      // the module drops what a client that left has asked for: work that is given up too early begins anew, for ever
      const patient = { ...patience, reply: patience.total, total: 2 * patience.total }
      const tensors = new ModuleTensors({ data, work: await connect(patient) })
      return { name: 'redis', vectors: tensors, work: tensors }
    }
    return { name: 'redis', vectors: new Strings(data) }
  })
}
