import { PeergradError } from '@peergrad/core'
import type { Doctor, Seen, Visit } from '@peergrad/peer'
import { findings, type Finding } from '../finding.js'

const { ok, warn, failed } = findings('dial-out')

/** Whether the peer at an address is reached, is the one that the address names, and answers. */
export async function dialOut(
  doctor: Doctor,
  address: string
): Promise<{ finding: Finding; reached?: { readonly visit: Visit; readonly seen: Seen } }> {
  try {
    const visit = await doctor.visit(address)
    const seen = await visit.about()
    return { finding: described(visit, seen), reached: { visit, seen } }
  } catch (thrown) {
    const fault = PeergradError.from(thrown).code === 'argument' ? 'bad-address' : 'no-answer'
    return { finding: failed(thrown, fault) }
  }
}

function described({ address, peer, named, limited }: Visit, { roundTrip }: Seen): Finding {
  if (!named) {
    return warn(
      'no-peer-id',
      `${address} names no peer; there is ${peer}`,
      `--join takes whoever answers there; to be sure who that is: ${address.replace(/\/$/, '')}/p2p/${peer}`,
      { peer }
    )
  }
  return ok(`${peer} answers in ${roundTrip.toFixed(1)} ms${limited ? ', through a relay' : ''}`, { peer, roundTrip })
}
