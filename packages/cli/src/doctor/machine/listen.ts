import { networkInterfaces } from 'node:os'
import type { Options } from '@peergrad/core'
import { listenAddresses } from '../../peer/network.js'
import { findings, type Finding } from '../finding.js'
import { Listeners, WILDCARDS } from '../listeners.js'

const { ok, warn, failed } = findings('listen')

/** Addresses of this machine, without those of one link. */
export function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'))
}

export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}

/** Whether the ports and addresses can be had on which a peer would listen. The caller closes what is open. */
export async function listen(options: Options): Promise<{ finding: Finding; listeners: Listeners | undefined }> {
  try {
    const listeners = await Listeners.open(listenAddresses(options))
    return { finding: described(listeners), listeners }
  } catch (thrown) {
    return { finding: failed(thrown, 'cannot-listen'), listeners: undefined }
  }
}

function described(listeners: Listeners): Finding {
  const { places } = listeners
  if (places.length === 0) return ok('nowhere itself: others reach this peer through a relay')
  const everywhere = places.some(({ host }) => WILDCARDS.includes(host))
  const outside = ownAddresses().filter((address) => !isLoopback(address))
  const shown = places.map(({ host, port }) => `${host} port ${port}`).join(', ')
  if (everywhere && outside.length === 0) {
    return warn(
      'no-network',
      `${shown}, but this machine has no address except loopback`,
      'connect it to a network: no other host can dial this peer',
      { places }
    )
  }
  const reach = everywhere
    ? `: ${outside.join(', ')}`
    : places.every(({ host }) => isLoopback(host))
      ? ': from this machine only'
      : ''
  return ok(`${shown}${reach}`, { places })
}
