import { optionsToManifest, resolveOptions, type PeerId, type Phase, type RunEvent } from '@peergrad/core'

/** What a made-up run is like. */
export interface Story {
  readonly peers: readonly PeerId[]
  readonly rounds: number
  /** milliseconds of one round */
  readonly pace?: number
  /** a peer that dies after a round, by its place */
  readonly death?: { readonly peer: number; readonly round: number }
}

const PHASES: readonly Phase[] = ['compute', 'store', 'wait', 'fetch', 'aggregate', 'update']
const HASH = 'a'.repeat(64)

/** Events of a run that never was, as `train` writes them: in order of time, all phases of all peers. */
export function* story({ peers, rounds, pace = 200, death }: Story): Generator<RunEvent> {
  let alive = [...peers]
  for (const peer of peers) yield { time: 0, peer, ...started(peers.length) }
  for (const peer of peers) {
    for (const other of peers) if (other !== peer) yield { time: 1, peer, type: 'connected', other }
    yield { time: 2, peer, type: 'view', number: 0, members: peers }
  }
  for (let round = 0; round < rounds; round++) {
    const start = 10 + round * pace
    for (const [step, phase] of PHASES.entries()) {
      const time = start + (step * pace) / PHASES.length
      for (const peer of alive) yield { time, peer, type: 'phase', round, phase }
    }
    for (const peer of alive) yield roundEvent({ time: start + pace - 1, peer, round, alive, pace })
    if (round % 25 === 24 || round === rounds - 1) {
      for (const peer of alive) {
        yield {
          time: start + pace - 1,
          peer,
          type: 'evaluated',
          round,
          accuracy: 1 - 1 / (2 + round),
          loss: 0.1,
          samples: 1000
        }
        yield { time: start + pace - 1, peer, ...links(peer, alive, round) }
      }
    }
    if (death?.round === round) {
      const dead = peers[death.peer] as PeerId
      alive = alive.filter((peer) => peer !== dead)
      yield* goodbye(start + pace - 1, dead, alive)
    }
  }
  const time = 10 + rounds * pace
  for (const peer of alive) yield { time, peer, type: 'finished', round: rounds - 1, parametersHash: HASH }
}

function started(peers: number) {
  return {
    type: 'started',
    run: 'b'.repeat(64),
    manifest: optionsToManifest(resolveOptions({ flags: { model: 'mlp', dataset: 'synthetic', peers } }).options),
    engine: 'wasm',
    engineWhy: 'wasm 4.22.0: on every machine',
    store: 'memory',
    denseInStore: true,
    phasePlaces: {
      compute: 'engine',
      store: 'database',
      average: 'database',
      wait: 'network',
      fetch: 'network',
      aggregate: 'database',
      agree: 'network',
      update: 'database',
      sync: 'network'
    }
  } as const
}

interface RoundInit {
  readonly time: number
  readonly peer: PeerId
  readonly round: number
  readonly alive: readonly PeerId[]
  readonly pace: number
}

function roundEvent({ time, peer, round, alive, pace }: RoundInit): RunEvent {
  return {
    time,
    peer,
    type: 'round',
    round,
    attempt: 0,
    view: 0,
    contributors: alive,
    samples: 32 * alive.length,
    loss: 2 / (1 + round / 10),
    seconds: pace / 1000,
    phases: { compute: pace / 2, wait: pace / 4, fetch: pace / 4 },
    steps: round + 1,
    packed: { bytes: 1000, whole: 1000 },
    bytesSent: 1000 * (alive.length - 1),
    bytesReceived: 1000 * (alive.length - 1),
    parametersHash: HASH
  }
}

function links(peer: PeerId, alive: readonly PeerId[], round: number) {
  const bytes = 1000 * (round + 1)
  return {
    type: 'links',
    round,
    formula: { sent: bytes * (alive.length - 1), received: bytes * (alive.length - 1) },
    links: alive
      .filter((other) => other !== peer)
      .map((other) => ({
        peer: other,
        roundTripMilliseconds: 1,
        throughput: 1e6,
        tensorBytesSent: bytes,
        tensorBytesReceived: bytes,
        controlBytesSent: 100,
        controlBytesReceived: 100
      }))
  } as const
}

function* goodbye(time: number, dead: PeerId, alive: readonly PeerId[]): Generator<RunEvent> {
  for (const peer of alive) {
    yield { time: time + 10, peer, type: 'disconnected', other: dead }
    yield { time: time + 20, peer, type: 'suspected', other: dead, reason: 'its connection is closed' }
    yield { time: time + 30, peer, type: 'lost', other: dead, reason: `${alive.length} of the view suspect it` }
    yield { time: time + 40, peer, type: 'view', number: 1, members: alive }
  }
}

/** As lines of events.ndjson. */
export function lines(events: Iterable<RunEvent>): string {
  return Array.from(events, (event) => `${JSON.stringify(event)}\n`).join('')
}
