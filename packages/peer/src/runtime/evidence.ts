import {
  controlMessages,
  EVIDENCE_BYTES,
  PeergradError,
  type ControlMessage,
  type Evidence,
  type Mesh,
  type PeerId
} from '@peergrad/core'

type Announced = Extract<ControlMessage, { kind: 'manifest' }>

/** What of a contribution must not differ when the peer says again what it gives. */
type Content = Pick<Announced, 'digest' | 'samples' | 'life'>

/**
 * Whether a peer said both of one round in one life, and cannot have meant both. In another life it does not remember what it
 * said, or knows better: that is no lie.
 */
export function contradicts(a: Content, b: Content): boolean {
  return a.life === b.life && (a.digest !== b.digest || a.samples !== b.samples)
}

/** Error `corrupt` says why it proves nothing. Needs nobody's word: size, signatures, run, round and contradiction are checked. */
export function checkEvidence({ peer, round, envelopes }: Evidence, mesh: Pick<Mesh, 'open'>, run: string): void {
  for (const { byteLength } of envelopes) {
    if (byteLength > EVIDENCE_BYTES) throw unproved(`got ${byteLength} bytes, expected at most ${EVIDENCE_BYTES}`)
  }
  const [first, second] = envelopes.map((envelope) => announcedBy(peer, mesh.open(envelope)))
  for (const said of [first, second]) {
    if (said.run !== run) throw unproved('got a contribution to another run')
    if (said.round !== round) throw unproved(`got a contribution to round ${said.round}, expected ${round}`)
  }
  if (!contradicts(first, second)) throw unproved('got two contributions that do not contradict each other')
}

function announcedBy(peer: PeerId, { from, payload }: ReturnType<Mesh['open']>): Announced {
  if (from !== peer) throw unproved(`got a message of ${from}, expected one of ${peer}`)
  const message = controlMessages.decode(payload)
  if (message.kind !== 'manifest') throw unproved(`got ${message.kind}, expected a manifest`)
  return message
}

function unproved(message: string): PeergradError {
  return new PeergradError('corrupt', `evidence: ${message}`)
}
