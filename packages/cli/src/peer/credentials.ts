import { PeergradError, type Options } from '@peergrad/core'
import { parseInvitation, type Credentials } from '@peergrad/peer'
import { credentialTexts } from './admission.js'

/** Characters of a secret, at least: one that can be guessed protects nothing. */
const SECRET = 16

/** What this peer has to prove that it may take part. Errors: `argument` for a secret that is too short, `missing`. */
export function credentialsOf(options: Options): Credentials {
  const { secret, invitation } = credentialTexts(options)
  if (secret !== undefined && secret.length < SECRET) {
    const where = options['secret-file'] ?? 'PEERGRAD_SECRET'
    throw new PeergradError(
      'argument',
      `${where}: got ${secret.length} characters, expected a secret of ${SECRET} at least`
    )
  }
  return {
    ...(secret !== undefined && { secret: Buffer.from(secret) }),
    ...(invitation !== undefined && { invitation: parseInvitation(invitation) })
  }
}
