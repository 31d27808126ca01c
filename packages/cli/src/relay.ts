import { Arena, type Options } from '@peergrad/core'
import { createNetworkMesh, reachOf } from '@peergrad/peer'
import { EXIT } from './exit-codes.js'
import { print, say } from './output/print.js'
import { closeAll, type Closing } from './peer/closing.js'
import { holdIdentity } from './peer/identity.js'
import { listenAddresses } from './peer/network.js'
import { interrupts } from './signals.js'

/** Peers of runs have another one, so that none takes a relay for one of them. */
const TOPIC = 'relay'
/** It holds no vectors. */
const MEMORY = 1 << 16

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields: object, message: string) => say(`peergrad: ${message}`),
  error: (_fields: object, message: string) => say(`peergrad: ${message}`)
}

/** Relays until it is stopped. Resolves to the exit code. */
export async function runRelay(options: Options): Promise<number> {
  const interrupt = interrupts(() => process.exit(EXIT.interrupted.code))
  const opened: Closing[] = [interrupt]
  try {
    const identity = await holdIdentity(options)
    opened.push(identity)
    const mesh = await createNetworkMesh({
      identityFile: identity.file,
      listen: listenAddresses(options),
      topic: TOPIC,
      memory: Arena.create({ bytes: MEMORY }).memory,
      fastLane: false,
      relay: 'on',
      ...(options.upnp && { upnp: [] }),
      signal: interrupt.signal,
      logger
    })
    opened.push(mesh)
    const ended = new Promise<Error>((resolve) => mesh.on('ended', ({ error }) => resolve(error)))
    const stopped = new Promise<undefined>((resolve) => {
      interrupt.signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const [address = ''] = await mesh.addresses()
    const far = reachOf(address).scope === 'public'
    print('Relay. The first peer of a run is reached through it with\n')
    print(`    --via ${address}\n`)
    if (!far)
      print('For peers of its own network; for others, put an address of this machine there that they can dial.\n')
    const error = await Promise.race([stopped, ended])
    if (error !== undefined) throw error
    return EXIT.ok.code
  } finally {
    await closeAll(opened, logger)
  }
}
