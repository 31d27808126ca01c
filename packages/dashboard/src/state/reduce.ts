import type { PeerId, RunEvent } from '@peergrad/core'
import { append } from './series.js'
import { newPeer, type EventOf, type LinkEnd, type PeerState, type RunState } from './state.js'

type Handlers = { readonly [T in RunEvent['type']]: (state: RunState, event: EventOf<T>) => RunState }

const HANDLERS: Handlers = {
  started: (state, event) => {
    const { engine, engineWhy, store, denseInStore, phasePlaces } = event
    return update({ ...state, run: event.run, manifest: event.manifest }, event.peer, (peer) => ({
      ...peer,
      life: 'running',
      lost: undefined,
      suspectedBy: [],
      equipment: { engine, engineWhy, store, denseInStore, phasePlaces }
    }))
  },
  connected: (state, event) => link(state, event.peer, event.other, (end) => ({ ...end, connected: true })),
  disconnected: (state, event) => link(state, event.peer, event.other, (end) => ({ ...end, connected: false })),
  view: (state, event) => {
    if (event.number <= state.view.number) return state
    const view = { number: event.number, members: event.members }
    const known = event.members.reduce(withPeer, happening({ ...state, view }, event))
    const back = (peer: PeerState) =>
      event.members.includes(peer.id) && (peer.lost !== undefined || peer.suspectedBy.length > 0)
    // whoever is in a newer view was taken in again
    return {
      ...known,
      peers: known.peers.map((peer) => (back(peer) ? { ...peer, lost: undefined, suspectedBy: [] } : peer))
    }
  },
  phase: (state, event) =>
    update(state, event.peer, (peer) => ({
      ...peer,
      life: peer.life === 'unknown' ? 'running' : peer.life,
      phase: event.phase,
      phases: append(peer.phases, event)
    })),
  round: (state, event) =>
    count(
      update(state, event.peer, (peer) => addRound(peer, event)),
      event
    ),
  evaluated: (state, event) =>
    update(state, event.peer, (peer) => ({ ...peer, evaluations: append(peer.evaluations, event) })),
  links: (state, event) =>
    event.links.reduce(
      (before, bytes) => link(before, event.peer, bytes.peer, (end) => ({ ...end, bytes })),
      update(state, event.peer, (peer) => ({ ...peer, formula: event.formula, links: uncounted(peer) }))
    ),
  suspected: (state, event) =>
    update(happening(state, event), event.other, (peer) => ({
      ...peer,
      suspectedBy: [...peer.suspectedBy.filter((id) => id !== event.peer), event.peer]
    })),
  trusted: (state, event) =>
    update(happening(state, event), event.other, (peer) => ({
      ...peer,
      suspectedBy: peer.suspectedBy.filter((id) => id !== event.peer)
    })),
  lost: (state, event) => update(happening(state, event), event.other, (peer) => ({ ...peer, lost: event.reason })),
  equivocated: (state, event) => happening(state, event),
  excluded: (state, event) =>
    update(happening(state, event), event.other, (peer) => ({ ...peer, excluded: event.reason })),
  merged: (state, event) => happening(state, event),
  refused: (state, event) => happening(state, event),
  diverged: (state, event) => happening(state, event),
  healed: (state, event) => happening(state, event),
  paused: (state, event) => lives(happening(state, event), event.peer, 'paused'),
  resumed: (state, event) => lives(happening(state, event), event.peer, 'running'),
  checkpoint: (state, event) => update(state, event.peer, (peer) => ({ ...peer, checkpoint: event.file })),
  left: (state, event) => lives(happening(state, event), event.peer, 'left'),
  finished: (state, event) =>
    update(happening(state, event), event.peer, (peer) => ({
      ...peer,
      life: 'finished',
      phase: '',
      parametersHash: event.parametersHash
    }))
}

/** The state after one more event. An event of a type that this page does not know changes the time only. */
export function reduce(state: RunState, event: RunEvent): RunState {
  const next = event.time > state.time ? { ...state, time: event.time } : state
  if (!Object.hasOwn(HANDLERS, event.type)) return next
  const handle = HANDLERS[event.type] as (state: RunState, event: RunEvent) => RunState
  return handle(withPeer(next, event.peer), event)
}

/** The state with this peer in it. */
function withPeer(state: RunState, id: PeerId): RunState {
  if (state.places.has(id)) return state
  return {
    ...state,
    peers: [...state.peers, newPeer(id)],
    places: new Map(state.places).set(id, state.peers.length)
  }
}

function update(state: RunState, id: PeerId, change: (peer: PeerState) => PeerState): RunState {
  const known = withPeer(state, id)
  const peers = known.peers.slice()
  const place = known.places.get(id) as number
  peers[place] = change(peers[place] as PeerState)
  return { ...known, peers }
}

function lives(state: RunState, id: PeerId, life: PeerState['life']): RunState {
  return update(state, id, (peer) => ({ ...peer, life, phase: life === 'left' ? '' : peer.phase }))
}

/** The other end is no peer of the run by that: who watches, or is refused, is connected too. */
function link(state: RunState, id: PeerId, other: PeerId, change: (end: LinkEnd) => LinkEnd): RunState {
  return update(state, id, (peer) => {
    const end = change(peer.links.get(other) ?? { connected: undefined, bytes: undefined })
    return { ...peer, links: new Map(peer.links).set(other, end) }
  })
}

/** Links before all of them are told anew: a row that is not told any more is in the sum of others. */
function uncounted({ links }: PeerState): PeerState['links'] {
  return new Map([...links].map(([other, end]) => [other, { ...end, bytes: undefined }]))
}

function happening(state: RunState, event: RunEvent): RunState {
  return { ...state, happenings: append(state.happenings, event) }
}

function addRound(peer: PeerState, event: EventOf<'round'>): PeerState {
  const times = { ...peer.times }
  for (const [phase, milliseconds] of Object.entries(event.phases)) times[phase] = (times[phase] ?? 0) + milliseconds
  return {
    ...peer,
    life: peer.life === 'unknown' ? 'running' : peer.life,
    round: Math.max(peer.round, event.round),
    phase: '',
    phases: append(peer.phases, event),
    rounds: append(peer.rounds, event),
    bytesSent: peer.bytesSent + event.bytesSent,
    bytesReceived: peer.bytesReceived + event.bytesReceived,
    times,
    packed: {
      bytes: peer.packed.bytes + (event.packed?.bytes ?? 0),
      whole: peer.packed.whole + (event.packed?.whole ?? 0)
    },
    parametersHash: event.parametersHash
  }
}

/** All peers tell of a round with the same contributors: the first to do so is counted. */
function count(state: RunState, event: EventOf<'round'>): RunState {
  const steps = Math.max(state.steps, event.steps)
  if (event.round <= state.counted.round) return steps === state.steps ? state : { ...state, steps }
  const counted = { round: event.round, rounds: state.counted.rounds + 1 }
  // who does not tell of itself, as in what one peer says of a run, is seen to run by what it gives
  const gave = (peer: PeerState): PeerState => ({
    ...peer,
    life: peer.life === 'unknown' ? 'running' : peer.life,
    contributed: peer.contributed + 1
  })
  return event.contributors.reduce((before, id) => update(before, id, gave), { ...state, steps, counted })
}
