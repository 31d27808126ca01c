import { PHASES, type Phase, type RunEvent } from '@peergrad/core'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { VERSION } from '../output/version.js'

/** Seconds. */
const ROUND_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
/** Characters of a name from the run's manifest, which may come from another peer. */
const NAME = 100

/** Kinds of events that are counted as such. */
const COUNTED = [
  'connected',
  'disconnected',
  'suspected',
  'trusted',
  'lost',
  'equivocated',
  'excluded',
  'merged',
  'refused',
  'diverged',
  'healed',
  'paused',
  'resumed',
  'checkpoint'
] as const satisfies readonly RunEvent['type'][]

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>

const INFO = ['version', 'run', 'strategy', 'aggregator', 'model', 'dataset', 'engine', 'store'] as const

/** What a peer's events say in numbers. Every series is of this peer; all names of labels and their values are bounded. */
export class RunMetrics {
  readonly #info: Gauge<(typeof INFO)[number]>
  readonly #events: Counter<'type'>
  readonly #rounds: Histogram
  readonly #phases: Counter<'phase'>
  readonly #lastRound: Gauge
  readonly #steps: Gauge
  readonly #samples: Counter
  readonly #retries: Counter
  readonly #contributors: Gauge
  readonly #contributed: Counter<'form'>
  readonly #trainingLoss: Gauge
  readonly #testLoss: Gauge
  readonly #accuracy: Gauge
  readonly #view: Gauge
  readonly #members: Gauge
  readonly #formula: Gauge<'direction'>

  constructor(registry: Registry) {
    const registers = [registry]
    const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>({ name: `peergrad_${name}`, help, labelNames: [...labelNames], registers })
    const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>({ name: `peergrad_${name}`, help, labelNames: [...labelNames], registers })

    this.#info = gauge('info', 'always 1; what this peer takes part in, and with what', INFO)
    this.#events = counter('events_total', 'events of this peer, as events.ndjson has them, by type', ['type'])
    this.#rounds = new Histogram({
      name: 'peergrad_round_seconds',
      help: 'time of each round that this peer was in',
      buckets: ROUND_BUCKETS,
      registers
    })
    this.#phases = counter('phase_seconds_total', 'time in each phase of a round', ['phase'])
    this.#lastRound = gauge('round', 'number of the last round that ended, from 0')
    this.#steps = gauge('steps', 'optimiser steps of the run so far')
    this.#samples = counter(
      'samples_total',
      'training samples in the rounds that this peer was in, of all contributors'
    )
    this.#retries = counter('round_retries_total', 'attempts of rounds after the first, which somebody was lost in')
    this.#contributors = gauge('contributors', 'contributions in the last round')
    this.#contributed = counter(
      'contribution_bytes_total',
      'size of what this peer gave, packed and as it would be whole',
      ['form']
    )
    this.#trainingLoss = gauge('training_loss', 'mean training loss of the last round')
    this.#testLoss = gauge('test_loss', 'loss on the test split, when it was evaluated last')
    this.#accuracy = gauge('test_accuracy_ratio', 'accuracy on the test split, 0 … 1, when it was evaluated last')
    this.#view = gauge('view_number', 'number of the view that this peer knows')
    this.#members = gauge('view_members', 'peers in that view')
    this.#formula = gauge(
      'formula_bytes',
      'bytes of vectors that the strategy’s formula says for the rounds so far, without a fault and a filter',
      ['direction']
    )
    // what is not known yet is no zero
    for (const unknown of [this.#lastRound, this.#trainingLoss, this.#testLoss, this.#accuracy]) unknown.remove()
    for (const type of COUNTED) this.#events.inc({ type }, 0)
    for (const phase of PHASES) this.#phases.inc({ phase }, 0)
  }

  add(event: RunEvent): void {
    const type = COUNTED.find((known) => known === event.type)
    if (type !== undefined) this.#events.inc({ type })
    switch (event.type) {
      case 'started':
        return this.#started(event)
      case 'view':
        this.#view.set(event.number)
        this.#members.set(event.members.length)
        return
      case 'round':
        return this.#round(event)
      case 'evaluated':
        this.#accuracy.set(event.accuracy)
        this.#testLoss.set(event.loss ?? NaN)
        return
      case 'links':
        this.#formula.set({ direction: 'sent' }, event.formula.sent)
        this.#formula.set({ direction: 'received' }, event.formula.received)
    }
  }

  #started({ run, manifest, engine, store }: Event<'started'>): void {
    const { strategy, aggregator, model, dataset } = manifest
    const texts = { version: VERSION, run, strategy, aggregator, model, dataset, engine, store }
    const labels = Object.entries(texts).map(([name, text]) => [name, text.slice(0, NAME)])
    this.#info.set(Object.fromEntries(labels), 1)
  }

  #round(event: Event<'round'>): void {
    this.#rounds.observe(event.seconds)
    for (const [phase, milliseconds] of Object.entries(event.phases) as [Phase, number][])
      this.#phases.inc({ phase }, milliseconds / 1000)
    this.#lastRound.set(event.round)
    this.#steps.set(event.steps)
    this.#samples.inc(event.samples)
    this.#retries.inc(event.attempt)
    this.#contributors.set(event.contributors.length)
    this.#trainingLoss.set(event.loss)
    if (event.packed === undefined) return
    this.#contributed.inc({ form: 'packed' }, event.packed.bytes)
    this.#contributed.inc({ form: 'whole' }, event.packed.whole)
  }
}
