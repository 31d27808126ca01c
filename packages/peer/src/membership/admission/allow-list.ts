import type { Admission, AdmissionInit } from './admission.js'

/** The peers of a list may take part: who a peer is, its connection and signature prove. */
export function allowList({ peers }: AdmissionInit): Admission {
  const allowed = new Set(peers)
  return {
    show: () => null,
    refuses: ({ from }) => (allowed.has(from) ? undefined : `${from} is not on the allow-list of this run`)
  }
}
