import { canonical, type Digest, type Proposal } from '@peergrad/core'

const names = new WeakMap<Proposal, Digest>()

/** Digest of a proposal, which stands for it in what members accept. */
export function proposalName(proposal: Proposal, sha256: (text: string) => Digest): Digest {
  let name = names.get(proposal)
  if (name === undefined) names.set(proposal, (name = sha256(textOf(proposal))))
  return name
}

/** The same text whatever bytes of evidence came in. */
function textOf({ evidence, ...rest }: Proposal): string {
  const proofs = evidence.map(({ envelopes, ...of }) => ({
    ...of,
    envelopes: envelopes.map((envelope) => Buffer.from(envelope).toString('hex'))
  }))
  return canonical({ ...rest, evidence: proofs })
}
