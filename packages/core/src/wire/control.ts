import { Packr } from 'msgpackr'
import * as z from '../bundled/zod.js'
import type { Digest } from '../contracts/digest.js'
import { CONTROL_LIMIT } from '../contracts/mesh.js'
import { PeergradError } from '../errors.js'
import {
  bytes,
  digest,
  evidence,
  finite,
  length,
  LINKS_LIMIT,
  loss,
  members,
  MEMBERS_LIMIT,
  packProposal,
  peer,
  round,
  samples,
  wireProposal as proposal,
  words,
  type Proposal
} from './proposal.js'
import { packPosition, wirePosition, type DataPosition } from './position.js'
import { runManifestSchema } from './run-manifest.js'

export type { DataPosition } from './position.js'
export { EVIDENCE_BYTES, EVIDENCE_LIMIT, LINKS_LIMIT, MEMBERS_LIMIT, type Evidence, type Proposal } from './proposal.js'

/**
 * Control messages: msgpack maps of at most CONTROL_LIMIT bytes, checked field by field before anybody looks at them.
 * The sender is not in the message: the signed envelope around it says who that is, or the connection, see DerivedMessage.
 */

/** Bytes of what proves membership, and proofs and guests that go with a state, at most. */
const CREDENTIAL_LIMIT = 512
export const DONATED_EVIDENCE = 8
export const DONATED_GUESTS = 16

/** Vectors that one question may be about: with the longest labels the answer still fits into a control message. */
export const DERIVED_LIMIT = 256

/** Signed accepts that go with a decision, and bytes of each, at most. */
export const ACCEPTS_LIMIT = 128
export const ACCEPT_LIMIT = 768

const signed = bytes(ACCEPT_LIMIT)
const ballot = z.int().min(0).max(0xffff_ffff)
const label = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9._-]+$/)
const run = z.string().regex(/^[0-9a-f]{64}$/)
/** drawn when a process starts, and when it takes the state: what was said in an earlier life contradicts nothing */
const life = z.int().min(0).max(0xffff_ffff)

const message = z.discriminatedUnion('kind', [
  /** this peer's contribution to a round */
  z.strictObject({
    kind: z.literal('manifest'),
    run,
    round,
    digest,
    words,
    length,
    samples,
    loss,
    life,
    /** how slow the sender's link to each member of the view is, a byte each: where the strategy goes over links */
    links: bytes(LINKS_LIMIT).optional()
  }),
  /** phase 1 of a later ballot */
  z.strictObject({ kind: z.literal('prepare'), run, round, ballot }),
  z.strictObject({
    kind: z.literal('promise'),
    run,
    round,
    ballot,
    accepted: z.strictObject({ ballot, proposal, outcome: digest }).nullable(),
    /** the sender took part in this round before, and does not know what it accepted then */
    forgot: z.literal(true).optional()
  }),
  /** phase 2: `outcome` is null when the exchange is still to be made, else the digest that must be adopted */
  z.strictObject({ kind: z.literal('propose'), run, round, ballot, proposal, outcome: digest.nullable() }),
  /** this peer holds the outcome of the ballot's proposal, which is named by its digest */
  z.strictObject({ kind: z.literal('accept'), run, round, ballot, proposal: digest, outcome: digest }),
  /** this peer could not make the exchange of the ballot, because of `peers` */
  z.strictObject({ kind: z.literal('failed'), run, round, ballot, peers: z.array(peer).max(MEMBERS_LIMIT) }),
  /** a vector made in the exchange of a ballot, e.g. AllReduce's merged one */
  z.strictObject({ kind: z.literal('derived'), run, round, ballot, label, digest, words, length }),
  /** the members that the sender suspects now; a list with a higher number replaces the earlier ones */
  z.strictObject({
    kind: z.literal('suspicions'),
    run,
    number: z.int().min(0).max(0xffff_ffff),
    peers: z.array(peer).max(MEMBERS_LIMIT)
  }),
  z.strictObject({ kind: z.literal('leave'), run, round }),
  /** a peer contradicted itself: everybody excludes it */
  z.strictObject({ kind: z.literal('proof'), run, ...evidence.shape })
])

export type ControlMessage = z.infer<typeof message>
export type ControlKind = ControlMessage['kind']
/** What a member says of a vector that it made; the only message that need not be signed. */
export type DerivedMessage = Extract<ControlMessage, { kind: 'derived' }>

/** Which founding a run goes back to: of two halves that meet, the one that was founded first goes on. */
const lineage = z.strictObject({ founder: peer, founded: z.number().min(0) })
export type Lineage = z.infer<typeof lineage>

/** What proves that the sender belongs to the run, as its admission wants it; null when it wants nothing. */
const credential = bytes(CREDENTIAL_LIMIT).nullable()

/** A peer that used an invitation for one peer, and what it showed. */
const guest = z.strictObject({ peer, credential: bytes(CREDENTIAL_LIMIT) })
export type Guest = z.infer<typeof guest>

/** A model state, by the round that starts from it and the hash of its parameters and buffers. */
const stateName = z.strictObject({ round, hash: digest })
export type StateName = z.infer<typeof stateName>

const view = z.strictObject({ number: z.int().min(0), members })

const request = z.discriminatedUnion('kind', [
  /** `manifest` is null when the newcomer asks what the run is; with its manifest it says that it is ready to train */
  z.strictObject({
    kind: z.literal('join'),
    manifest: runManifestSchema.nullable(),
    /** null while the newcomer knows no run */
    lineage: lineage.nullable(),
    running: z.boolean(),
    /** the checkpoint that the peer comes back with */
    resumed: stateName.nullable(),
    nonce: z.string().max(64),
    time: finite,
    credential
  }),
  /** where the run begins, from whom founds it or calls it together again; `state` is null for a new model */
  z.strictObject({ kind: z.literal('found'), run, lineage, view, state: stateName.nullable() }),
  /** what was decided of a round */
  z.strictObject({ kind: z.literal('decision'), run, round }),
  /** which of these the asked peer has made in the exchange of a ballot: its announcement may have been lost */
  z.strictObject({
    kind: z.literal('derived'),
    run,
    round,
    ballot,
    labels: z.array(label).min(1).max(DERIVED_LIMIT)
  }),
  /** model and optimiser state to start from */
  z.strictObject({ kind: z.literal('donate'), run }),
  /** what happened at the asked peer, from its event with this number on; `credential` as for `join` */
  z.strictObject({
    kind: z.literal('watch'),
    run,
    from: z.int().min(0),
    nonce: z.string().max(64),
    time: finite,
    credential
  })
])
export type ControlRequest = z.infer<typeof request>

const answer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('welcome'),
    manifest: runManifestSchema,
    lineage,
    running: z.boolean(),
    ready: z.boolean(),
    resumed: stateName.nullable(),
    credential
  }),
  z.strictObject({ kind: z.literal('done') }),
  z.strictObject({
    kind: z.literal('decided'),
    decision: z.strictObject({ ballot, proposal, outcome: digest }).nullable(),
    /** of members that accepted it, as they signed it: with who answers they are a quorum, or as many as there is room for */
    accepts: z.array(signed).max(ACCEPTS_LIMIT)
  }),
  /** those that were asked for and are made, as `derived` messages announce them */
  z.strictObject({
    kind: z.literal('derived'),
    vectors: z.array(z.strictObject({ label, digest, words, length })).max(DERIVED_LIMIT)
  }),
  z.strictObject({
    kind: z.literal('donation'),
    round,
    hash: digest,
    step: z.int().min(0),
    lineage,
    view,
    /** model state first, then the optimiser's vectors */
    vectors: z.array(z.strictObject({ digest, length })).min(1).max(8),
    position: wirePosition,
    /** whom the run has excluded, the last ones first */
    evidence: z.array(evidence).max(DONATED_EVIDENCE),
    /** who used an invitation for one peer and is not in the view, the last ones */
    guests: z.array(guest).max(DONATED_GUESTS)
  }),
  /** events as lines of `events.ndjson` have them, and the number of the next one */
  z.strictObject({ kind: z.literal('watched'), lines: z.array(z.string()).max(4096), next: z.int().min(0) })
])
export type ControlAnswer = z.infer<typeof answer>

// moreTypes keeps -0 and errors whole; no records, so that every message stands alone; no references, by which some bytes are a
// value without end
const packr = new Packr({ moreTypes: true, useRecords: false, mapsAsObjects: true, structuredClone: false })

function codec<T extends { kind: string }>(schema: z.ZodType<T>, what: string) {
  return {
    encode(value: T): Uint8Array {
      // a copy of its own size: msgpackr packs into one large shared buffer
      const bytes = Uint8Array.from(packr.pack(packed(value)))
      if (bytes.byteLength > CONTROL_LIMIT) {
        throw new PeergradError(
          'argument',
          `${what} ${value.kind}: got ${bytes.byteLength} bytes, expected at most ${CONTROL_LIMIT}`
        )
      }
      return bytes
    },
    /** Error `corrupt` names the field that is wrong. */
    decode(bytes: Uint8Array): T {
      if (bytes.byteLength > CONTROL_LIMIT) {
        throw new PeergradError('corrupt', `${what}: got ${bytes.byteLength} bytes, expected at most ${CONTROL_LIMIT}`)
      }
      let value: unknown
      try {
        value = unpacked(bytes)
      } catch (error) {
        throw new PeergradError(
          'corrupt',
          `${what}: got ${bytes.byteLength} bytes that are no msgpack`,
          {},
          { cause: error }
        )
      }
      const parsed = schema.safeParse(value)
      if (parsed.success) return parsed.data
      const issue = parsed.error.issues[0]
      throw new PeergradError('corrupt', `${what}: ${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'invalid'}`)
    }
  }
}

/** The one value of all bytes. What `unpack` says of bytes behind it is as long as the value, which may be much longer than they are. */
function unpacked(bytes: Uint8Array): unknown {
  let whole: unknown
  let read = 0
  packr.unpackMultiple(bytes, (value, _from, to) => {
    whole = value
    read = to ?? 0
    return false
  })
  if (read !== bytes.byteLength) throw new PeergradError('corrupt', `the value ends after ${read} bytes`)
  return whole
}

export const controlMessages = codec<ControlMessage>(message, 'control message')
export const controlRequests = codec<ControlRequest>(request, 'request')
export const controlAnswers = codec<ControlAnswer>(answer, 'answer')

/** The message as it travels: a proposal is in it by itself, as what was accepted, or as what was decided; and a position. */
function packed(value: object): object {
  const { proposal, accepted, decision, position } = value as {
    proposal?: Proposal | Digest
    accepted?: { proposal: Proposal } | null
    decision?: { proposal: Proposal } | null
    position?: DataPosition
  }
  return {
    ...value,
    ...(typeof proposal === 'object' && { proposal: packProposal(proposal) }),
    ...(accepted && { accepted: { ...accepted, proposal: packProposal(accepted.proposal) } }),
    ...(decision && { decision: { ...decision, proposal: packProposal(decision.proposal) } }),
    ...(position && { position: packPosition(position) })
  }
}
