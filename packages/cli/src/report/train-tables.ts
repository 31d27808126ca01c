import { PHASES, type Phase } from '@peergrad/core'
import { lineOf, sentBetween, tail, vectorsOf, type PeerState, type RunState } from '@peergrad/dashboard'
import type { PeerOutcome, RunResult } from '../outcome.js'
import type { Table } from '../output/page.js'
import { bytes, percent, seconds, whole } from '../output/units.js'
import { roundsSeen } from '../output/verdicts.js'

const UNKNOWN = '–'
/** Happenings that a report has at most, the first ones. */
const MOST = 500
/** Peers up to which each link has a cell. */
const LINKS = 32

/** The tables of one run, from its result and from the state that its events lead to. */
export function trainTables(result: RunResult, state: RunState): Table[] {
  return [run(result, state), peers(result, state), times(result), traffic(state), ...happenings(state)]
}

function run(result: RunResult, { manifest }: RunState): Table {
  const { seconds: time, accuracy, loss, evaluatedSamples } = result
  const evaluated = `${percent(accuracy)} on ${whole(evaluatedSamples)} test samples, loss ${loss?.toFixed(4) ?? UNKNOWN}`
  return {
    heading: 'The run',
    columns: ['', ''],
    rows: [
      ['accuracy', accuracy === null ? 'not evaluated' : evaluated],
      ['time', seconds(time)],
      ['rounds', `${whole(result.rounds)}, ${whole(result.steps)} optimiser steps`],
      ['rounds a second', time > 0 ? (roundsSeen(result) / time).toFixed(2) : UNKNOWN],
      ['strategy', result.strategy],
      ['rule', result.aggregator],
      ['optimiser', manifest === undefined ? UNKNOWN : `${manifest.optimiser.name}, batch ${manifest.batch}`],
      ['partition', manifest?.partition ?? UNKNOWN],
      ['seed', String(manifest?.seed ?? UNKNOWN)],
      ['engine', result.engineWhy],
      [
        'store',
        `${result.store}, ${result.denseInStore ? 'which works on the vectors' : 'which keeps the vectors; they were worked on outside'}`
      ],
      ['one model', result.agreed ? 'all that finished hold the same parameters' : 'NO: the peers differ'],
      ['run', result.run]
    ],
    notes: []
  }
}

function peers(result: RunResult, state: RunState): Table {
  return {
    heading: 'Peers',
    columns: ['peer', 'rank', 'status', 'rounds', 'contributed', 'sent', 'received', 'memory', 'parameters'],
    rows: result.peers.map((peer) => [
      peer.id,
      rank(peer),
      peer.status,
      whole(peer.rounds),
      whole(stateOf(state, peer)?.contributed ?? 0),
      bytes(peer.bytesSent),
      bytes(peer.bytesReceived),
      peer.peakMemoryBytes === null ? UNKNOWN : bytes(peer.peakMemoryBytes),
      peer.parametersHash?.slice(0, 12) ?? UNKNOWN
    ]),
    notes: [
      'Contributed: rounds that have the contribution of the peer in them. Sent, received: all that was on its links. Memory: the peak of its process.'
    ]
  }
}

function times({ peers }: RunResult): Table {
  const known = PHASES.filter((phase) => peers.some(({ secondsByPhase }) => secondsByPhase[phase] !== undefined))
  const time = ({ secondsByPhase }: PeerOutcome, phase: Phase) => {
    const value = secondsByPhase[phase]
    return value === undefined ? UNKNOWN : seconds(value)
  }
  return {
    heading: 'Time in each phase',
    columns: ['peer', ...known],
    rows: peers.map((peer) => [peer.id, ...known.map((phase) => time(peer, phase))]),
    notes: [
      'Phases overlap where a peer does several things at once, as when it stores one gradient while it computes another.'
    ]
  }
}

function traffic({ peers }: RunState): Table {
  const links = peers.length <= LINKS ? peers : []
  const counted = (value: number | undefined) => (value === undefined ? UNKNOWN : bytes(value))
  const row = (peer: PeerState) => {
    const vectors = vectorsOf(peer)
    return [
      peer.id,
      ...links.map((other) => (other === peer ? '' : counted(sentBetween(peer, other)))),
      counted(vectors?.sent),
      counted(peer.formula?.sent),
      counted(vectors?.received),
      counted(peer.formula?.received)
    ]
  }
  return {
    heading: 'Bytes per link',
    columns: [
      'from, to',
      ...links.map(({ id }) => `…${id.slice(-6)}`),
      ...['vectors sent', 'formula', 'vectors received', 'formula']
    ],
    rows: peers.map(row),
    notes: [
      "From the peer of the row to the peer of the column: all that was on the link. Formula: the strategy's, of vectors alone, for a run without faults and without a filter. What others fetch of a peer after its last round is not in its counts."
    ]
  }
}

function happenings({ happenings }: RunState): Table[] {
  if (happenings.length === 0) return []
  const lines = tail(happenings, happenings.length).slice(0, MOST).map(lineOf)
  return [
    {
      heading: 'Membership and faults',
      columns: ['time', 'peer', 'what'],
      rows: lines.map(({ time, who, what, grave }) => [seconds(time / 1000), who, `${grave ? '! ' : ''}${what}`]),
      notes: happenings.length > MOST ? [`The first ${MOST} of ${whole(happenings.length)}.`] : []
    }
  ]
}

function stateOf({ peers, places }: RunState, { id }: PeerOutcome): PeerState | undefined {
  return peers[places.get(id) ?? -1]
}

function rank(peer: PeerOutcome): string {
  return peer.rank < 0 ? UNKNOWN : String(peer.rank)
}
