import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { checkNumber, PeergradError } from '@peergrad/core'
import { Access } from './access.js'
import { streamEvents } from './event-stream.js'
import { dashboardPage, type DashboardPage } from './page.js'

export interface DashboardInit {
  /** events.ndjson of the run, which may not be there yet */
  readonly file: string
  /** 0: any free one */
  readonly port: number
  /** nothing more will be written to the file */
  readonly over: boolean
  /** whether anybody writes to the file, as far as this machine knows; left out when somebody does for sure */
  readonly isWritten?: () => Promise<boolean>
}

export interface Dashboard {
  /** to be opened once, in one browser */
  readonly url: string
  /** Sends what there is to those who look, and ends. */
  close(): Promise<void>
}

/** Milliseconds that a browser has to take the rest of the events. */
const REST = 1000

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store'
}

/** The port that a flag, `--dashboard` unless another is named, has; 0, any free one, when it names none. */
export function dashboardPort(value: unknown, flag = 'dashboard'): number {
  return value === '' ? 0 : checkNumber(flag, value, { min: 0, max: 65_535 }, true)
}

/**
 * Serves the page of a run on loopback, and its events as they are written. Errors: `missing` when the page was not
 * built, `argument` when the port is taken.
 */
export async function startDashboard({ file, port, over, isWritten }: DashboardInit): Promise<Dashboard> {
  const page = dashboardPage()
  const ended = new AbortController()
  if (over) ended.abort()
  const answers = new Set<Promise<void>>()
  const server = createServer()
  const bound = await listen(server, port)
  const access = new Access(bound)
  server.on('request', (request, response) => {
    const answered = answer({ request, response, access, page, file, over: ended.signal, isWritten }).catch(
      () => void response.destroy()
    )
    answers.add(answered)
    void answered.finally(() => answers.delete(answered))
  })
  return {
    url: access.url,
    async close() {
      ended.abort()
      await Promise.race([Promise.all(answers), delay(REST)])
      await new Promise<void>((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      })
    }
  }
}

interface Question {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly access: Access
  readonly page: DashboardPage
  readonly file: string
  readonly over: AbortSignal
  readonly isWritten: DashboardInit['isWritten']
}

/** Resolves when all is sent: of the events, when there are no more. */
async function answer({ request, response, access, page, file, over, isWritten }: Question): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
  if (!access.isForHere(request)) return refuse(response, 421, 'this server answers to 127.0.0.1 and localhost only')
  if (request.method !== 'GET') return refuse(response, 405, 'there is only GET')
  // no URL: not all that a client may send is one
  const [path, query] = (request.url ?? '/').split(/\?(.*)/s)
  const cookie = access.redeem(new URLSearchParams(query).get('token'))
  if (cookie === undefined && !access.admits(request)) {
    return refuse(response, 401, 'open the address that the command printed; it works once, in one browser')
  }
  if (cookie !== undefined) response.setHeader('Set-Cookie', cookie)
  if (path === '/events')
    return streamEvents({ file, from: placeOf(request), over, response, ...(isWritten && { isWritten }) })
  if (path !== '/') return refuse(response, 404, 'there is nothing here')
  response.setHeader('Content-Security-Policy', page.policy)
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page.text)
}

/** Where in the file the browser was when its connection broke, in bytes. */
function placeOf({ headers }: IncomingMessage): number {
  const place = Number(headers['last-event-id'] ?? 0)
  return Number.isSafeInteger(place) && place > 0 ? place : 0
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`peergrad: ${why}\n`)
}

/** Resolves to the port. */
function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const what = error.code === 'EADDRINUSE' ? 'is taken; leave the port out for any free one' : error.message
      reject(new PeergradError('argument', `dashboard: port ${port} ${what}`, { port }))
    })
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
