import { createHmac, timingSafeEqual } from 'node:crypto'
import { PeergradError } from '@peergrad/core'
import type { Admission, AdmissionInit, Claim } from './admission.js'

const HOW = 'give it with --secret-file FILE or in PEERGRAD_SECRET'

/**
 * Whoever knows the shared secret may take part. It is shown as HMAC-SHA256 (RFC 2104) over the claim, which names both
 * peers, so that what one shows is of no use to anybody else, and compared in constant time.
 */
export function secret({ credentials }: AdmissionInit): Admission {
  const key = credentials.secret
  if (key === undefined) throw new PeergradError('refused', `join: this run asks for its shared secret; ${HOW}`)
  const show = (claim: Claim) => proofOf(key, claim)
  return {
    show,
    refuses(claim, shown) {
      const expected = show(claim)
      if (shown?.byteLength === expected.byteLength && timingSafeEqual(shown, expected)) return undefined
      return `${claim.from} did not prove that it knows the shared secret of this run; ${HOW}`
    }
  }
}

function proofOf(key: Uint8Array, { run, from, to, nonce, time }: Claim): Uint8Array {
  const text = JSON.stringify(['peergrad-join-v1', run, from, to, nonce, time])
  return Uint8Array.from(createHmac('sha256', key).update(text).digest())
}
