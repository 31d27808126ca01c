import { createHash } from 'node:crypto'
import type { GossipSub, GossipsubOpts } from '@chainsafe/libp2p-gossipsub'
import { PeergradError } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import { TopicValidatorResult } from '../bundled/libp2p.js'
import { parseEnvelope, sealEnvelope, verifyEnvelope } from './envelope.js'
import type { Envelope } from './envelope.js'
import { FloodGuard } from './flood-guard.js'
import type { Identity } from './identity.js'
import type { Links } from './links.js'
import { ReplayWindow } from './replay-window.js'
import { TokenBuckets } from './token-bucket.js'

/** What one signer may announce, in tokens: one a message and one for each 4 KiB. */
const SIGNER_RATE = { burst: 1000, perSecond: 200 }
/** What one neighbour may pass on, its own and others'. */
const NEIGHBOUR_RATE = { burst: 8000, perSecond: 2000 }
/** What goes on from this peer, whoever signed it: less than a neighbour may pass on, or it would be blamed for others. */
const PASSED_ON = { burst: 6000, perSecond: 1500 }
/** Of that what strangers signed, all together: whoever makes up identities has a new one for each message. */
const STRANGERS = { burst: 2000, perSecond: 200 }
const ALL = 'all'
const BYTES_PER_TOKEN = 4096

/**
 * Options of gossipsub. Envelopes are signed by us, so gossipsub does not sign again. Score: peers on one IP are not
 * penalised (a local swarm would have no mesh); few messages a round make the delivery quota P3 meaningless, so its
 * weight is zero; invalid messages P4 weigh most.
 */
export function gossipOptions(topic: string, score: (peer: PeerId) => number): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => createHash('sha256').update(message.data).digest(),
    allowedTopics: [topic],
    allowPublishToZeroTopicPeers: true,
    floodPublish: true,
    runOnLimitedConnection: true,
    scoreParams: {
      IPColocationFactorWeight: 0,
      behaviourPenaltyThreshold: 6,
      appSpecificScore: score,
      // a peer is excluded at -100: not graylisted before, so that what it does meanwhile still counts
      appSpecificWeight: 0.5,
      topics: {
        [topic]: {
          topicWeight: 1,
          timeInMeshWeight: 0.01,
          timeInMeshQuantum: 1000,
          timeInMeshCap: 300,
          firstMessageDeliveriesWeight: 0.1,
          firstMessageDeliveriesDecay: 0.9,
          firstMessageDeliveriesCap: 50,
          meshMessageDeliveriesWeight: 0,
          meshMessageDeliveriesDecay: 0.9,
          meshMessageDeliveriesCap: 10,
          meshMessageDeliveriesThreshold: 1,
          meshMessageDeliveriesWindow: 10,
          meshMessageDeliveriesActivation: 5000,
          meshFailurePenaltyWeight: 0,
          meshFailurePenaltyDecay: 0.9,
          invalidMessageDeliveriesWeight: -10,
          invalidMessageDeliveriesDecay: 0.9
        }
      }
    }
  }
}

export interface GossipInit {
  readonly pubsub: GossipSub
  readonly topic: string
  readonly identity: Identity
  readonly nextSequence: () => number
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  readonly excluded: (peer: PeerId) => boolean
  readonly deliver: (envelope: Envelope) => void
}

/** Signed announcements to all peers of the topic. */
export class Gossip {
  readonly #init: GossipInit
  readonly #neighbours: FloodGuard
  readonly #signers: FloodGuard
  readonly #passedOn = new TokenBuckets(PASSED_ON)
  readonly #strangers = new TokenBuckets(STRANGERS)
  #admitted: ReadonlySet<PeerId> = new Set()
  readonly #replays = new ReplayWindow()

  constructor(init: GossipInit) {
    this.#init = init
    this.#neighbours = new FloodGuard(NEIGHBOUR_RATE, init.report)
    this.#signers = new FloodGuard(SIGNER_RATE, init.report)
    init.pubsub.topicValidators.set(init.topic, (source, { data }) => this.#judge(source.toString(), data))
  }

  /** Only once the node has started. */
  start(): void {
    this.#init.pubsub.subscribe(this.#init.topic)
  }

  /** Who is no stranger, from now on. */
  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
  }

  /** Peers that the message went to directly; they pass it on. */
  async announce(payload: Uint8Array): Promise<PeerId[]> {
    const { pubsub, topic, identity, links } = this.#init
    const bytes = sealEnvelope({ kind: 'announcement', topic, sequence: this.#init.nextSequence(), payload }, identity)
    const { recipients } = await pubsub.publish(topic, bytes)
    const peers = recipients.map((peer) => peer.toString())
    for (const peer of peers) links.control(peer, 'sent', bytes.byteLength)
    return peers
  }

  /** Connected peers that take announcements of this run. */
  subscribers(): PeerId[] {
    return this.#init.pubsub.getSubscribers(this.#init.topic).map((peer) => peer.toString())
  }

  /** Calls `listener` with each peer whose subscriptions changed. Returns what removes it. */
  onSubscription(listener: (peer: PeerId) => void): () => void {
    const { pubsub } = this.#init
    const handle = (event: CustomEvent<{ peerId: { toString(): string } }>) => listener(event.detail.peerId.toString())
    pubsub.addEventListener('subscription-change', handle)
    return () => pubsub.removeEventListener('subscription-change', handle)
  }

  /** gossipsub's validator: the neighbour that passed on a bad message is to blame, for honest ones do not. */
  #judge(neighbour: PeerId, data: Uint8Array): TopicValidatorResult {
    const { links, report, excluded, topic, identity } = this.#init
    links.control(neighbour, 'received', data.byteLength)
    const cost = 1 + Math.floor(data.byteLength / BYTES_PER_TOKEN)
    if (!this.#neighbours.allows(neighbour, cost)) return TopicValidatorResult.Ignore
    try {
      const envelope = parseEnvelope(data)
      const { kind, from, sequence } = envelope
      if (kind !== 'announcement' || envelope.topic !== topic || envelope.to !== undefined) {
        throw new PeergradError('corrupt', `got ${kind} for ${envelope.topic}, expected an announcement for ${topic}`)
      }
      if (from === identity.peer || excluded(from)) return TopicValidatorResult.Ignore
      // who the neighbour is the connection has proved: its own flood is dropped before its signatures cost anything
      const own = from === neighbour
      if (own && !this.#signers.allows(from, cost)) return TopicValidatorResult.Ignore
      const known = this.#admitted.has(from) || this.#strangers.take(ALL, cost)
      if (!known && !own) return TopicValidatorResult.Ignore
      // a copy of its own size: what came is a view of a whole frame, which would be cloned with each message in it
      const verified = verifyEnvelope(Uint8Array.from(data))
      if (!this.#replays.accept(from, sequence, own)) return TopicValidatorResult.Ignore
      if (!own && !this.#signers.allows(from, cost)) return TopicValidatorResult.Ignore
      this.#init.deliver(verified)
      return known && this.#passedOn.take(ALL, cost) ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore
    } catch {
      report(neighbour, 'malformed')
      return TopicValidatorResult.Reject
    }
  }
}
