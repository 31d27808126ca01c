import { Registry } from 'prom-client'
import { prometheusMetrics } from '../bundled/metrics.js'

/** What libp2p counts of itself, in the network thread. What the library adds about the process is left out. */
export class Libp2pMetrics {
  readonly #registry = new Registry()
  /** what a node takes as its `metrics` */
  readonly factory = prometheusMetrics({ registry: this.#registry, collectDefaultMetrics: false })

  /** In the text format of Prometheus, 0.0.4. */
  async text(): Promise<string> {
    const names = this.#registry.getMetricsAsArray().map(({ name }) => name)
    const own = names.filter((name) => name.startsWith('libp2p_'))
    const texts = await Promise.all(own.map((name) => this.#registry.getSingleMetricAsString(name)))
    return `${texts.join('\n\n')}\n`
  }
}
