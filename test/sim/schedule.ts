import { random, type Random } from '@peergrad/core'
import { manifestOf } from './matrix.js'
import { MOMENTS, type Moment } from './moments.js'
import type { Fault, Scenario, When } from './scenario.js'

/** Milliseconds in which faults begin, and the longest that one lasts; partitions last longer, so that both sides act. */
const BEGIN = { from: 500, to: 5000 }
const LONGEST = 4000
const LONGEST_PARTITION = 7000
/** Milliseconds after the last fault that the run still has, for all to come back. */
const REST = 6000
const COMPUTE = { from: 200, to: 500 }
/** Rounds in which a moment is waited for. */
const ROUNDS = 8
/** In one schedule of so many more peers are lost for good than the rest can do without. */
const TOO_MANY = 12

/** 1 Mbit/s */
const SLOW = 125_000
const HOUR = 3_600_000

const ROUND_MOMENTS = MOMENTS.filter((moment) => moment !== 'while-giving-state' && moment !== 'while-taking-state')

/** What a schedule is drawn under. */
interface Draw {
  readonly stream: Random
  readonly peers: number
  /** peers, and newcomers */
  readonly all: number
  /** peers whose process no fault has hit yet */
  readonly untouched: number[]
  /** how many more may be lost for good */
  expendable: number
}

type Maker = (draw: Draw) => Fault | undefined

/** All kinds of faults, each as likely. */
const MAKERS: readonly Maker[] = [
  (draw) => kill(draw, moment(draw)),
  (draw) => kill(draw, { at: begin(draw) }),
  (draw) => kill(draw, moment(draw), back(draw)),
  (draw) => kill(draw, { at: begin(draw) }, back(draw)),
  // the system kills the child that takes the memory while it computes
  (draw) => kill(draw, { moment: 'while-computing', round: 1 + draw.stream.below(ROUNDS) }, back(draw)),
  (draw) => stop(draw, moment(draw)),
  (draw) => stop(draw, { at: begin(draw) }),
  (draw) => crash(draw, 'store'),
  (draw) => crash(draw, 'engine'),
  partition,
  oneWay,
  (draw) => links(draw, { delay: 50 + draw.stream.below(350) }),
  (draw) => links(draw, { jitter: 20 + draw.stream.below(180) }),
  (draw) => links(draw, { loss: percent(draw, 5, 30) }),
  (draw) => links(draw, { bandwidth: SLOW }),
  (draw) => links(draw, { duplicates: percent(draw, 10, 50) }),
  (draw) => links(draw, { reorder: percent(draw, 10, 50) }),
  ({ stream, peers }) => ({ kind: 'skew', peer: stream.below(peers), by: stream.below(2) === 0 ? HOUR : -HOUR }),
  ({ stream, peers }) => ({ kind: 'disk', peer: stream.below(peers) })
]

/** The schedule of a seed: 4 to 8 peers and up to three faults that overlap, now and then with a newcomer. */
export function schedule(seed: number, strategies: readonly string[]): Scenario {
  const stream = random(seed, 'schedule')
  const peers = 4 + stream.below(5)
  const tooMany = stream.below(TOO_MANY) === 0
  const newcomers = stream.below(5) === 0 ? [BEGIN.from + stream.below(3000)] : []
  const draw: Draw = {
    stream,
    peers,
    all: peers + newcomers.length,
    untouched: Array.from({ length: peers + newcomers.length }, (_, index) => index),
    expendable: tooMany ? peers : Math.floor((peers - 1) / 2)
  }
  const count = tooMany ? 3 : 1 + stream.below(3)
  const compute = COMPUTE.from + stream.below(COMPUTE.to - COMPUTE.from)
  const faults: Fault[] = []
  while (faults.length < count) {
    const fault = tooMany ? kill(draw, { at: begin(draw) }) : MAKERS[stream.below(MAKERS.length)](draw)
    if (fault !== undefined && !faults.some((other) => isSame(other, fault))) faults.push(fault)
  }
  const end = Math.max(...newcomers, ...faults.map((fault) => endOf(fault, compute)))
  const strategy = strategies[stream.below(strategies.length)]
  return {
    seed,
    strategy,
    ...manifestOf(strategy),
    peers,
    rounds: Math.ceil((end + REST) / compute),
    compute,
    deadline: 2000,
    grace: 2000,
    faults,
    newcomers
  }
}

/** One disk is not full twice, and one clock not wrong twice. */
function isSame(a: Fault, b: Fault): boolean {
  return a.kind === b.kind && (a.kind === 'skew' || a.kind === 'disk') && 'peer' in b && a.peer === b.peer
}

/** Milliseconds at which the fault is over, if its moment comes in its round. */
function endOf(fault: Fault, compute: number): number {
  if (!('when' in fault)) return 0
  const begins = 'at' in fault.when ? fault.when.at : (fault.when.round + 1) * compute
  if ('lasts' in fault) return begins + fault.lasts
  return begins + ('back' in fault ? (fault.back ?? 0) : 0)
}

function kill(draw: Draw, when: When, backAfter?: number): Fault | undefined {
  if (backAfter === undefined && draw.expendable === 0) return undefined
  const peer = take(draw)
  if (peer === undefined) return undefined
  if (backAfter === undefined) draw.expendable -= 1
  return { kind: 'kill', peer, when, ...(backAfter !== undefined && { back: backAfter }) }
}

function stop(draw: Draw, when: When): Fault | undefined {
  const peer = take(draw)
  return peer === undefined ? undefined : { kind: 'stop', peer, when, lasts: lasts(draw) }
}

function crash(draw: Draw, part: 'store' | 'engine'): Fault | undefined {
  const returns = draw.stream.below(2) === 0
  if (!returns && draw.expendable === 0) return undefined
  const peer = take(draw)
  if (peer === undefined) return undefined
  if (!returns) draw.expendable -= 1
  return { kind: 'crash', part, peer, when: { at: begin(draw) }, ...(returns && { back: back(draw) }) }
}

function partition(draw: Draw): Fault {
  const { stream, all } = draw
  const peers = stream.shuffle(Array.from({ length: all }, (_, index) => index))
  const cut = 1 + stream.below(all - 1)
  const groups = [peers.slice(0, cut), peers.slice(cut)].map((group) => group.sort((a, b) => a - b))
  return { kind: 'partition', groups, when: { at: begin(draw) }, lasts: 100 + stream.below(LONGEST_PARTITION - 100) }
}

function oneWay(draw: Draw): Fault {
  const from = draw.stream.below(draw.peers)
  const to = (from + 1 + draw.stream.below(draw.peers - 1)) % draw.peers
  return { kind: 'one-way', from, to, when: { at: begin(draw) }, lasts: lasts(draw) }
}

function links(draw: Draw, conditions: Extract<Fault, { kind: 'links' }>['conditions']): Fault {
  const of = draw.stream.below(2) === 0 ? 'all' : [draw.stream.below(draw.peers)]
  return { kind: 'links', conditions, of, when: { at: begin(draw) }, lasts: lasts(draw) }
}

function take({ stream, untouched }: Draw): number | undefined {
  return untouched.splice(stream.below(untouched.length), 1)[0]
}

function moment({ stream }: Draw): { readonly moment: Moment; readonly round: number } {
  return { moment: ROUND_MOMENTS[stream.below(ROUND_MOMENTS.length)], round: 1 + stream.below(ROUNDS) }
}

function begin({ stream }: Draw): number {
  return BEGIN.from + stream.below(BEGIN.to - BEGIN.from)
}

function lasts({ stream }: Draw): number {
  return 100 + stream.below(LONGEST - 100)
}

/** As often before the others can notice as after. */
function back({ stream }: Draw): number {
  return stream.below(2) === 0 ? 20 + stream.below(480) : 500 + stream.below(3000)
}

function percent({ stream }: Draw, from: number, to: number): number {
  return (from + stream.below(to - from + 1)) / 100
}
