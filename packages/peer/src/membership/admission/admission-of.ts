import { parseAdmission, type AdmissionKind } from '@peergrad/core'
import type { Admission, AdmissionInit } from './admission.js'
import { allowList } from './allow-list.js'
import { byInvitation } from './by-invitation.js'
import { open } from './open.js'
import { secret } from './secret.js'

const KINDS: Readonly<Record<AdmissionKind, (init: AdmissionInit) => Admission>> = {
  open,
  'allow-list': allowList,
  secret,
  invitation: byInvitation
}

/** The admission that a manifest names. Error `refused` when this peer has not what it takes to take part. */
export function admissionOf(text: string, init: Omit<AdmissionInit, 'peers'>): Admission {
  const { kind, peers } = parseAdmission(text)
  return KINDS[kind]({ ...init, peers })
}
