import { MODULE, redisServerVersion } from '@peergrad/store'
import { existsSync } from 'node:fs'

interface ServerPlace {
  readonly name: string
  readonly module?: string
  /** why its tests do not run here */
  readonly absent?: string
}

/** The end of a title: why it does not run here, if it does not. */
export const because = ({ absent }: ServerPlace) => (absent === undefined ? '' : `: ${absent}`)

const noServer = redisServerVersion() === undefined && 'no redis-server: apt-get install redis-server'

export const plainRedis: ServerPlace = { name: 'any server', ...(noServer && { absent: noServer }) }

const noModule = noServer || (!existsSync(MODULE) && 'the module is not built: npm run build:module')

export const moduleRedis: ServerPlace = {
  name: 'with our module',
  module: MODULE,
  ...(noModule && { absent: noModule })
}

export const serverPlaces: readonly ServerPlace[] = [plainRedis, moduleRedis]
