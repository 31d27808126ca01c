import type { GradientStore, RunEvent } from '@peergrad/core'
import type { NetworkMesh } from '@peergrad/peer'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Closing } from '../peer/closing.js'
import { metricsAddress } from './address.js'
import { LinkMetrics } from './link-metrics.js'
import { Readiness } from './readiness.js'
import { RunMetrics } from './run-metrics.js'
import { startMetricsServer, type MetricsServer } from './server.js'

/** Milliseconds that the network thread has to answer: less than the 10 s that Prometheus gives a scrape. */
const ANSWER = 5000

type Network = Pick<NetworkMesh, 'links' | 'connected' | 'statistics' | 'metrics'>

export interface Described {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
}

/** What a peer shows of itself to Prometheus, and to whoever asks whether it lives and trains. */
export class MetricsEndpoint implements Closing {
  readonly #registry = new Registry()
  readonly #run = new RunMetrics(this.#registry)
  readonly #links = new LinkMetrics(this.#registry)
  readonly #readiness = new Readiness()
  #network: Network | undefined
  #store: Pick<GradientStore, 'usage'> | undefined
  #server: MetricsServer | undefined
  #scrape: Promise<string> | undefined
  /** in milliseconds, of what the network thread has said since the last scrape */
  #longestBlock = 0

  /** Serves at the address of `--metrics`. Error `argument` when it is none, or cannot be had. */
  static async open(address: string): Promise<MetricsEndpoint> {
    const endpoint = new MetricsEndpoint()
    collectDefaultMetrics({ register: endpoint.#registry })
    endpoint.#server = await startMetricsServer({
      address: metricsAddress(address),
      metrics: async () => ({ text: await endpoint.text(), type: endpoint.#registry.contentType }),
      ill: () => endpoint.ill(),
      unready: () => endpoint.unready
    })
    return endpoint
  }

  constructor() {
    this.#measured(
      'connected_peers',
      'peers of the run with an open connection',
      async () => this.#network?.connected().length
    )
    this.#measured(
      'network_longest_block_seconds',
      'longest time since the last scrape in which the network thread did not turn; it should stay below 0.05',
      async () => {
        const longest = await this.#askLongestBlock()
        this.#longestBlock = 0
        return longest && longest / 1000
      }
    )
    this.#measured(
      'store_bytes',
      'what the vectors in the database take',
      async () => (await this.#store?.usage())?.bytes
    )
    this.#measured('store_limit_bytes', 'what they may take', async () => (await this.#store?.usage())?.limit)
    this.#measured('ready', '1 when this peer is in a view and trains, or has finished, as /readyz says', async () =>
      Number(this.unready === undefined)
    )
  }

  /** Of the metrics; empty before it is open. */
  get url(): string {
    return this.#server?.url ?? ''
  }

  /** Why this peer does not train; undefined when it does. */
  get unready(): string | undefined {
    return this.#readiness.why
  }

  network(network: Network): void {
    this.#network = network
  }

  store(store: Pick<GradientStore, 'usage'>): void {
    this.#store = store
  }

  add(event: RunEvent): void {
    this.#readiness.add(event)
    this.#run.add(event)
    if (event.type === 'view') this.#links.members(event.members)
  }

  /** The peer is about to end: it is not ready any more, and closes when it has told the others. */
  leave(): void {
    this.#readiness.leave()
  }

  /** The metrics of our own, for the reference. */
  described(): readonly Described[] {
    return this.#registry.getMetricsAsArray().map((metric) => {
      const { name, help, type } = metric
      return { name, help, type: String(type), labelNames: labelsOf(metric) }
    })
  }

  /** In the text format of Prometheus, 0.0.4. Scrapes at the same time are one. */
  async text(): Promise<string> {
    this.#scrape ??= this.#collect().finally(() => (this.#scrape = undefined))
    return this.#scrape
  }

  /** Why the process does not work as it should. That this is answered at all shows that the main thread turns. */
  async ill(): Promise<string | undefined> {
    if (this.#network === undefined) return undefined
    const answered = await within(ANSWER, this.#askLongestBlock())
    return answered === undefined ? `the network thread has not answered within ${ANSWER / 1000} s` : undefined
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }

  /** In milliseconds. The network thread answers at once, and begins anew: what it said is kept for the next scrape. */
  async #askLongestBlock(): Promise<number | undefined> {
    const statistics = await this.#network?.statistics()
    if (statistics === undefined) return undefined
    return (this.#longestBlock = Math.max(this.#longestBlock, statistics.longestBlockMilliseconds))
  }

  async #collect(): Promise<string> {
    if (this.#network !== undefined) this.#links.update(this.#network.links())
    const [own, libp2p = ''] = await Promise.all([this.#registry.metrics(), within(ANSWER, this.#network?.metrics())])
    return own + libp2p
  }

  #measured(name: string, help: string, measure: () => Promise<number | undefined>): void {
    new Gauge({
      name: `peergrad_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        const value = await within(ANSWER, measure())
        if (value !== undefined) this.set(value)
      }
    })
  }
}

/** The library's type of a metric does not tell them. */
function labelsOf(metric: object): readonly string[] {
  return 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : []
}

/** Undefined when there is no answer within so many milliseconds, or none at all. */
async function within<T>(milliseconds: number, answer: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined)
  })
  try {
    return await Promise.race([answer, late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
