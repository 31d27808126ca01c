import * as z from '../bundled/zod.js'
import { DIGEST_PATTERN } from '../contracts/digest.js'
import { LOSS_LIMIT } from '../contracts/manifest.js'
import { readHex, writeHex } from './hex.js'

/** Longer lists than this cannot come from an honest peer. */
export const MEMBERS_LIMIT = 1024

export const digest = z.string().regex(DIGEST_PATTERN)
export const peer = z
  .string()
  .min(16)
  .max(128)
  .regex(/^[A-Za-z0-9]+$/)
export const round = z.int().min(0).max(0xffff_ffff)
export const length = z.int().min(1).max(0x3fff_ffff)
export const words = z.int().min(1).max(0x3fff_ffff)
export const samples = z.int().min(0).max(0xffff_ffff)
export const finite = z.number().refine(Number.isFinite)
export const loss = z.number().min(-LOSS_LIMIT).max(LOSS_LIMIT)
export const members = z.array(peer).min(1).max(MEMBERS_LIMIT)

/** Members of a view that say how slow their links are, at most: n² of it is told in a round. */
export const LINKS_LIMIT = 256
const place = z.int().min(0).max(LINKS_LIMIT)
const ring = z.array(place).max(LINKS_LIMIT)

/** Bytes of one signed message that is kept as evidence, and proofs that one proposal carries, at most. */
export const EVIDENCE_BYTES = 2048
export const EVIDENCE_LIMIT = 2

/** Bytes of any memory, so many at most. */
export function bytes(limit: number) {
  return z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength <= limit)
}

const envelope = bytes(EVIDENCE_BYTES)

/** That a peer contradicted itself: two contributions of it to one round, as it signed them. Proves itself to anybody. */
export const evidence = z.strictObject({ peer, round, envelopes: z.tuple([envelope, envelope]) })
export type Evidence = z.infer<typeof evidence>

const contribution = z.strictObject({ peer, round, digest, words, length, samples, loss })

/** What one round is about to become: whose contributions, who is in the next view, whether the run ends with it. */
const proposal = z.strictObject({
  /** none only for members to leave */
  contributions: z.array(contribution).max(MEMBERS_LIMIT),
  members,
  /** members that the strategy can do without: they are not in the next view, and leave */
  retired: z.array(peer).max(MEMBERS_LIMIT),
  /** of members that are excluded with it, so that whoever decides it can do the same; the others get their turn later */
  evidence: z.array(evidence).max(EVIDENCE_LIMIT),
  finish: z.boolean(),
  /** indices of contributions in the order of the ring over their peers; by rank when absent */
  ring: ring.optional()
})
export type Proposal = z.infer<typeof proposal>

/** Of a contribution, little-endian: index in `peers` u16 · samples u32 · loss f64 · digest 32. */
const ROW_BYTES = 46

/**
 * A proposal as it travels: each name once and each number in as many bytes as it needs, so that one of 1,024 members
 * fits into a control message with ids of 16 characters, and one of 600 with those of libp2p.
 */
const packed = z.strictObject({
  /** the members, then contributors that will be none */
  peers: z.array(peer).max(2 * MEMBERS_LIMIT),
  members: z.int().min(0).max(MEMBERS_LIMIT),
  rows: z.instanceof(Uint8Array).refine(({ byteLength }) => byteLength % ROW_BYTES === 0),
  /** of each contribution, or one that is of all */
  rounds: z.array(round).max(MEMBERS_LIMIT),
  words: z.array(words).max(MEMBERS_LIMIT),
  lengths: z.array(length).max(MEMBERS_LIMIT),
  retired: z.array(peer).max(MEMBERS_LIMIT),
  evidence: z.array(evidence).max(EVIDENCE_LIMIT),
  finish: z.boolean(),
  ring: ring.optional()
})
export type PackedProposal = z.infer<typeof packed>

/** Reads a proposal from its packed form, and checks both. */
export const wireProposal = packed.transform(unpack).pipe(proposal)

export function packProposal({ contributions, members, ...rest }: Proposal): PackedProposal {
  const known = new Set(members)
  const peers = [...members, ...contributions.map(({ peer }) => peer).filter((peer) => !known.has(peer))]
  const index = new Map(peers.map((peer, at) => [peer, at]))
  const rows = new Uint8Array(contributions.length * ROW_BYTES)
  const view = new DataView(rows.buffer)
  for (const [at, { peer, samples, loss, digest }] of contributions.entries()) {
    const start = at * ROW_BYTES
    view.setUint16(start, index.get(peer) ?? 0, true)
    view.setUint32(start + 2, samples, true)
    view.setFloat64(start + 6, loss, true)
    writeHex(rows, start + 14, digest)
  }
  const rounds = once(contributions.map(({ round }) => round))
  const words = once(contributions.map(({ words }) => words))
  const lengths = once(contributions.map(({ length }) => length))
  return { ...rest, peers, members: members.length, rows, rounds, words, lengths }
}

/** What does not fit together is left out of it, for `proposal` to find missing. */
function unpack({ peers, members, rows, rounds, words, lengths, ...rest }: PackedProposal) {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  const contributions = Array.from({ length: rows.byteLength / ROW_BYTES }, (_, at) => {
    const start = at * ROW_BYTES
    return {
      peer: peers[view.getUint16(start, true)],
      round: rounds.length === 1 ? rounds[0] : rounds[at],
      digest: readHex(rows, start + 14, start + ROW_BYTES),
      words: words.length === 1 ? words[0] : words[at],
      length: lengths.length === 1 ? lengths[0] : lengths[at],
      samples: view.getUint32(start + 2, true),
      loss: view.getFloat64(start + 6, true)
    }
  })
  return { contributions, members: peers.slice(0, members), ...rest }
}

function once(values: readonly number[]): number[] {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : [...values]
}
