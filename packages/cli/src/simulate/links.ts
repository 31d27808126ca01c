import { checkNumber, PeergradError } from '@peergrad/core'
import type { Bandwidth } from '@peergrad/peer'

/** Up and down, in Mbit a second; one number is both. */
type Rates = number | { readonly up: number; readonly down: number }

/** What the links between simulated peers are like; peers are named by rank. */
export interface LinkPlan {
  /** milliseconds that a message takes one way */
  readonly latency: number
  readonly bandwidth: Rates
  /** peers whose rates are others; of several entries the last counts */
  readonly peers: readonly { readonly ranks: Ranks; readonly bandwidth: Rates }[]
  /** pairs of peers whose link is another, both ways; of several entries for one thing the last counts */
  readonly links: readonly Link[]
}

interface Link {
  readonly between: readonly [Ranks, Ranks]
  readonly latency?: number
  /** Mbit a second that the tensors between two of the peers have each way, beside what the peers' own ways have */
  readonly bandwidth?: number
}

/** From the first to the last, both included. */
type Ranks = readonly [first: number, last: number]

const LATENCY = { min: 0, max: 60_000 }
const RATE = { above: 0, max: 1e6 }
/** Bytes a second of one Mbit a second. */
const MBIT = 1e6 / 8

/**
 * A plan as a YAML file says it: `latency`, `bandwidth`, `peers` and `links`. What it does not say is as in `otherwise`.
 * Error `argument` names the entry.
 */
export function readLinkPlan(values: unknown, otherwise: Pick<LinkPlan, 'latency' | 'bandwidth'>): LinkPlan {
  const plan = record('links', values, ['latency', 'bandwidth', 'peers', 'links'])
  return {
    latency: checkNumber('links.latency', plan['latency'] ?? otherwise.latency, LATENCY),
    bandwidth: rates('links.bandwidth', plan['bandwidth'] ?? otherwise.bandwidth),
    peers: list('links.peers', plan['peers']).map((value, index) => {
      const path = `links.peers.${index}`
      const entry = record(path, value, ['ranks', 'bandwidth'])
      return {
        ranks: ranks(`${path}.ranks`, entry['ranks']),
        bandwidth: rates(`${path}.bandwidth`, entry['bandwidth'])
      }
    }),
    links: list('links.links', plan['links']).map((value, index) => {
      const path = `links.links.${index}`
      const entry = record(path, value, ['between', 'latency', 'bandwidth'])
      const { latency, bandwidth } = entry
      if (latency === undefined && bandwidth === undefined) throw wrong(path, value, 'a latency or a bandwidth')
      const [one, other, ...more] = list(`${path}.between`, entry['between'])
      if (more.length > 0) throw wrong(`${path}.between`, entry['between'], 'two peers or groups, as in [0-3, 4]')
      return {
        between: [ranks(`${path}.between`, one), ranks(`${path}.between`, other)],
        ...(latency !== undefined && { latency: checkNumber(`${path}.latency`, latency, LATENCY) }),
        ...(bandwidth !== undefined && { bandwidth: checkNumber(`${path}.bandwidth`, bandwidth, RATE) })
      }
    })
  }
}

/** Milliseconds from one rank to another. */
export function latencyOf({ latency, links }: LinkPlan, from: number, to: number): number {
  return links.findLast((link) => link.latency !== undefined && joins(link, from, to))?.latency ?? latency
}

/** The links that have a bandwidth of their own: bytes a second, and whether it is that of the way between two ranks. */
export function narrowLinks({ links }: LinkPlan): readonly {
  readonly bandwidth: number
  readonly isOf: (from: number, to: number) => boolean
}[] {
  const narrow = links.filter(({ bandwidth }) => bandwidth !== undefined)
  return narrow.map((link) => ({
    bandwidth: (link.bandwidth ?? 0) * MBIT,
    isOf: (from, to) => narrow.findLast((each) => joins(each, from, to)) === link
  }))
}

function joins({ between: [a, b] }: Link, from: number, to: number): boolean {
  return (within(a, from) && within(b, to)) || (within(b, from) && within(a, to))
}

/** Bytes a second of one rank. */
export function bandwidthOf({ bandwidth, peers }: LinkPlan, rank: number): Bandwidth {
  const given = peers.findLast(({ ranks: group }) => within(group, rank))?.bandwidth ?? bandwidth
  const { up, down } = typeof given === 'number' ? { up: given, down: given } : given
  return { up: up * MBIT, down: down * MBIT }
}

/** The most milliseconds and the fewest bytes a second that any link has. */
export function slowestOf({ latency, bandwidth, peers, links }: LinkPlan): { latency: number; bandwidth: number } {
  const rates = [bandwidth, ...peers.map((each) => each.bandwidth), ...links.map((link) => link.bandwidth ?? Infinity)]
  const megabits = rates.flatMap((rate) => (typeof rate === 'number' ? rate : [rate.up, rate.down]))
  return {
    latency: Math.max(latency, ...links.map((link) => link.latency ?? 0)),
    bandwidth: Math.min(...megabits) * MBIT
  }
}

function within([first, last]: Ranks, rank: number): boolean {
  return first <= rank && rank <= last
}

function ranks(path: string, value: unknown): Ranks {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(String(value)) ?? []
  if (first === undefined || Number(first) > Number(last)) throw wrong(path, value, 'a rank or a range, as in 0-3')
  return [Number(first), Number(last)]
}

function rates(path: string, value: unknown): Rates {
  if (typeof value !== 'object' || value === null) return checkNumber(path, value, RATE)
  const { up, down } = record(path, value, ['up', 'down'])
  return { up: checkNumber(`${path}.up`, up, RATE), down: checkNumber(`${path}.down`, down, RATE) }
}

function list(path: string, value: unknown): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrong(path, value, 'a list')
  return value
}

function record(path: string, value: unknown, words: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, value, words.join(', '))
  const unknown = Object.keys(value).find((word) => !words.includes(word))
  if (unknown !== undefined) throw wrong(path, unknown, words.join(', '))
  return value as Readonly<Record<string, unknown>>
}

function wrong(path: string, got: unknown, expected: string): PeergradError {
  return new PeergradError('argument', `${path}: got ${JSON.stringify(got) ?? 'nothing'}, expected ${expected}`, {
    path
  })
}
