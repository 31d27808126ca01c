export { prometheusMetrics } from '@libp2p/prometheus-metrics'
