import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PeergradError } from '@peergrad/core'
import { addressText, type MetricsAddress } from './address.js'

export interface MetricsServerInit {
  readonly address: MetricsAddress
  /** the answer to a scrape, and its media type */
  readonly metrics: () => Promise<{ readonly text: string; readonly type: string }>
  /** why the process had better be started again; undefined when it works */
  readonly ill: () => Promise<string | undefined>
  /** why it does not train; undefined when it does, or has finished */
  readonly unready: () => string | undefined
}

export interface MetricsServer {
  /** of the metrics */
  readonly url: string
  close(): Promise<void>
}

/** Milliseconds that a client has to say what it wants. */
const PATIENCE = 5000
const CONNECTIONS = 64

/** What keeps it from listening. */
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken; name another port, or 0 for any free one',
  EADDRNOTAVAIL: 'is no address of this machine; name one of its own, or a port alone'
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`. Whoever reaches the address may read them; nothing there is secret.
 * Error `argument` when the address cannot be had.
 */
export async function startMetricsServer({ address, ...init }: MetricsServerInit): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: PATIENCE, headersTimeout: PATIENCE })
  server.maxConnections = CONNECTIONS
  const bound = await listen(server, address)
  server.on('request', (request, response) => {
    answer(request, response, init).catch(() => void response.destroy())
  })
  return {
    url: `http://${addressText(bound)}/metrics`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      })
  }
}

async function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { metrics, ill, unready }: Omit<MetricsServerInit, 'address'>
): Promise<void> {
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (method !== 'GET' && method !== 'HEAD') return say(response, 405, 'there is only GET')
  switch (url.replace(/\?.*/s, '')) {
    case '/metrics': {
      const { text, type } = await metrics()
      return void response.writeHead(200, { 'Content-Type': type }).end(text)
    }
    case '/healthz': {
      const why = await ill()
      return say(response, why === undefined ? 200 : 503, why ?? 'ok')
    }
    case '/readyz': {
      const why = unready()
      return say(response, why === undefined ? 200 : 503, why ?? 'ok')
    }
    default:
      return say(response, 404, 'there are /metrics, /healthz and /readyz')
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

function listen(server: Server, address: MetricsAddress): Promise<MetricsAddress> {
  const { host, port } = address
  return new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const what = WHY[code ?? ''] ?? `cannot be had (${message})`
      reject(new PeergradError('argument', `metrics: ${addressText(address)} ${what}`, { host, port }))
    })
    server.listen(port, host, () => resolve({ host, port: (server.address() as AddressInfo).port }))
  })
}
