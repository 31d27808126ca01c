import { existsSync } from 'node:fs'
import { Arena, PeergradError, systemClock, type GradientStore, type Logger, type Options } from '@peergrad/core'
import { MODULE, redisServerVersion } from '@peergrad/store'
import { closeAll, type Closing } from '../../peer/closing.js'
import { openStore } from '../../stores.js'
import { findings, type Finding } from '../finding.js'

const { ok, warn, failed } = findings('store')

const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
/** Bytes for the vectors of the trial, and floats of each. */
const ARENA = 4 << 20
const LENGTH = 1024
/** Milliseconds that a plug-in may work. */
const PATIENCE = 10_000
/** Drivers that are memory of the peer's own. */
const IN_MEMORY = ['auto', 'memory']

/**
 * Opens the store as a peer would, with user, password, rights and module, and has it average two vectors. What the
 * machine has for another choice is said too.
 */
export async function store(options: Options, id: string): Promise<Finding> {
  const opened: Closing[] = []
  const arena = Arena.create({ bytes: ARENA })
  const small = { ...options, memory: ARENA >> 20 }
  try {
    const store = await openStore({
      options: small,
      run: 'doctor',
      peer: id,
      arena,
      clock: systemClock(),
      logger: SILENT,
      pluginTimeout: PATIENCE,
      opened
    })
    await tryOut(store)
    return judged(store, options)
  } catch (thrown) {
    return failed(thrown, FAULTS[PeergradError.from(thrown).code] ?? 'store-broken', 'fail', 'see docs/guide/store.md')
  } finally {
    await closeAll(opened, SILENT)
  }
}

/** What is wrong with a store that did not open, by the code of its error. */
const FAULTS: Readonly<Record<string, string>> = {
  refused: 'store-refuses',
  unreachable: 'store-unreachable',
  missing: 'no-redis-server',
  crashed: 'store-broken',
  unsupported: 'store-unfit'
}

async function tryOut(store: GradientStore): Promise<void> {
  const [first, second, mean] = ['first', 'second', 'mean']
  for (const key of [first, second]) {
    const lease = store.lease(LENGTH)
    lease.vector.fill(key === first ? 1 : 3)
    await store.put(key, lease)
  }
  await store.average([first, second], mean)
  const lease = await store.get(mean)
  const got = lease.vector[LENGTH - 1]
  lease.release()
  await store.delete([first, second, mean])
  if (got === 2) return
  throw new PeergradError('corrupt', `store: ${store.name} averaged 1 and 3 to ${got}, expected 2; do not use it`)
}

function judged({ name, capabilities: { denseInStore } }: GradientStore, options: Options): Finding {
  const data = { store: name, denseInStore, redisServer: redisServerVersion() ?? null, moduleBuilt: existsSync(MODULE) }
  if (IN_MEMORY.includes(options.store)) return ok(`${name}; ${forRedis(data)}`, data)
  if (denseInStore || name !== 'redis')
    return ok(`${name}${denseInStore ? ': averages and updates in the database' : ''}`, data)
  const found = `${name} without our module: vectors are averaged and updated in the peer's process`
  const advice = `build the module (\`npm run build:module\` in the clone) and start the server with --loadmodule ${MODULE}`
  return warn('no-module', found, advice, data)
}

function forRedis({ redisServer: version, moduleBuilt }: { redisServer: string | null; moduleBuilt: boolean }): string {
  if (version === null) return 'for --store redis there is no redis-server here (apt-get install redis-server)'
  const module = moduleBuilt ? 'our module' : 'our module is not built (npm run build:module)'
  return `for --store redis there are redis-server ${version} and ${module}`
}
