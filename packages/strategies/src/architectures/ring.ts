import {
  layoutLength,
  spanOf,
  type Part,
  type PeerId,
  type RoundContext,
  type Strategy,
  type StrategyFactory
} from '@peergrad/core'
import { checkNames, choiceOption } from '../plugin-options.js'
import { WORK, workOf } from './work.js'

/**
 * The ring all-reduce (Patarasuk and Yuan, JPDC 2009): the vector is cut into n parts, no more than it has floats; each goes
 * around the ring once, a sum to which every peer adds its own, and around again as the mean. A peer talks to its two
 * neighbours only, and sends 2(n − 1)/n of a vector. A part is summed in the order of the ring from its own place on, so the last bits are not those
 * of `all-reduce`.
 *
 * The ring goes over quick links: peers say with their contributions how slow theirs are, and the round's coordinator
 * proposes the order. Where links are about alike, as in one network, it is that of ranks. The order decides the last bits, so
 * a run whose links change may end with other ones.
 *
 * @param options those of `workOf`; order: links, or rank for the same bits whatever the links are like
 */
export const ring: StrategyFactory = (options): Strategy => {
  checkNames('ring', options, [...WORK, 'order'])
  const overLinks = choiceOption('ring', options, 'order', ['links', 'rank']) === 'links'
  const { give, ...work } = workOf('ring', options)
  return {
    name: 'ring',
    describe:
      'sums of parts go around a ring of quick links, then their means: peers talk to their neighbours only (order=rank)',
    ...work,
    overLinks,
    kind: 'exchange',
    combines: true,
    refuses({ aggregator, preAggregators: [first], codec }) {
      if (first !== undefined)
        return `peers see sums and never one contribution; got the pre-aggregator ${first.name}, expected none`
      if (aggregator.inStore?.name !== 'mean')
        return `peers see sums and never one contribution; got the rule ${aggregator.inStore?.name ?? aggregator.name}, expected mean`
      return codec.name === 'f32'
        ? undefined
        : `each peer would round the sums once more; got the codec ${codec.name}, expected f32`
    },
    traffic,
    async round(context) {
      const { key, manifest } = await context.contribute(() => give(context))
      await context.agreed()
      const manifests = context.ring()
      const peers = manifests.map(({ peer }) => peer)
      const place = manifests.findIndex(({ peer, digest }) => peer === context.self && digest === manifest.digest)
      const turn: Turn = { context, peers, place, key }
      const of = Math.min(peers.length, layoutLength(context.engine.layout))
      const means = await Promise.all(Array.from({ length: of }, (_, index) => meanOf(turn, { index, of })))
      if (means.length === 1) return means[0]
      const whole = context.key('merged')
      await context.measure('aggregate', () => context.store.join({ from: means, to: whole }))
      return whole
    }
  }
}

interface Turn {
  readonly context: RoundContext
  /** in the order of the ring */
  readonly peers: readonly PeerId[]
  /** of this peer among them; −1 for one that only reads */
  readonly place: number
  /** this peer's vector */
  readonly key: string
}

/** The part as a mean: from who comes before in the ring, or by itself where the sum ends. */
async function meanOf(turn: Turn, part: Part): Promise<string> {
  const { context, peers, place } = turn
  const { index } = part
  const n = peers.length
  const label = `mean.${index}`
  const hops = (place - index + n) % n
  if (place < 0) return context.receive(label, peers[(index + n - 1) % n], part, true)
  // the last one of the sum begins the second turn
  const last = hops === n - 1
  const sum = await sumOf(turn, part)
  if (!last) {
    const mean = await context.receive(label, before(turn), part, true)
    const ends = hops === n - 2
    return ends ? mean : context.publish(label, mean, part, after(turn))
  }
  const key = context.key(label)
  await context.measure('aggregate', () => context.store.combine({ terms: [{ key: sum, factor: 1 / n }], to: key }))
  return n === 1 ? key : context.publish(label, key, part, after(turn))
}

/** The sum of the part up to and with this peer, handed on to the next one. */
async function sumOf(turn: Turn, part: Part): Promise<string> {
  const { context, peers, place, key } = turn
  const { index } = part
  const n = peers.length
  const { store, engine } = context
  const label = `sum.${index}`
  const own = context.key(`own.${index}`)
  await store.slice({ from: key, ...spanOf(layoutLength(engine.layout), part), to: own })
  const hops = (place - index + n) % n
  if (hops === 0) return n === 1 ? own : context.publish(label, own, part, after(turn))
  const received = await context.receive(label, before(turn), part, true)
  const sum = context.key(label)
  const terms = [received, own].map((each) => ({ key: each, factor: 1 }))
  await context.measure('aggregate', () => store.combine({ terms, to: sum }))
  return hops === n - 1 ? sum : context.publish(label, sum, part, after(turn))
}

function before({ peers, place }: Turn): PeerId {
  return peers[(place + peers.length - 1) % peers.length]
}

function after({ peers, place }: Turn): PeerId {
  return peers[(place + 1) % peers.length]
}

/** Each turn leaves out one part of a vector: the one whose sum, or mean, ends here. By rank; in another order to a float or two. */
function traffic({ peers, rank, bytes }: { peers: number; rank: number; bytes: number }) {
  const part = (index: number) => 4 * spanOf(bytes / 4, { index: (index + peers) % peers, of: peers }).length
  return {
    // sums that end here are not sent, nor is the mean whose turn ends here
    sent: peers === 1 ? 0 : 2 * bytes - part(rank + 1) - part(rank + 2),
    // nor is received what begins here
    received: peers === 1 ? 0 : 2 * bytes - part(rank) - part(rank + 1)
  }
}
