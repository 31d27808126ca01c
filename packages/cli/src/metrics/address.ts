import { checkNumber, PeergradError } from '@peergrad/core'

export interface MetricsAddress {
  readonly host: string
  /** 0: any free one */
  readonly port: number
}

const LOOPBACK = '127.0.0.1'
const ADDRESS = /^(?:(?:\[([\da-f:.]+)\]|([^:\s/[\]]+)):)?(\d{1,5})$/i

/** What `--metrics` says: HOST:PORT, [IPv6]:PORT, or a port on loopback. Error `argument`. */
export function metricsAddress(text: string): MetricsAddress {
  const [, six, name, port] = ADDRESS.exec(text) ?? []
  if (port === undefined) {
    const message = `metrics: got "${text}", expected HOST:PORT, as in 127.0.0.1:9464, or a port alone`
    throw new PeergradError('argument', message, { path: 'metrics' })
  }
  return { host: six ?? name ?? LOOPBACK, port: checkNumber('metrics', port, { min: 0, max: 65_535 }, true) }
}

/** The same for a peer of several on one machine: peer 0 has the port itself, the others those above it. */
export function metricsOfPeer(text: string, number: number): string {
  const { host, port } = metricsAddress(text)
  const own = port === 0 ? 0 : checkNumber('metrics', port + number, { min: 0, max: 65_535 }, true)
  return addressText({ host, port: own })
}

export function addressText({ host, port }: MetricsAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
