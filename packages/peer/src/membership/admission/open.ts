import type { Admission } from './admission.js'

/** Anybody may take part. */
export function open(): Admission {
  return { show: () => null, refuses: () => undefined }
}
