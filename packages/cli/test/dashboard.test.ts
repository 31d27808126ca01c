import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { request, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dashboardPort, startDashboard, type Dashboard } from '../src/dashboard/server.js'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let folder: string
let file: string
let dashboard: Dashboard
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-dashboard-'))
  file = join(folder, 'events.ndjson')
})
afterEach(async () => {
  await dashboard.close()
  rmSync(folder, { recursive: true })
})

const start = async (over = true) => (dashboard = await startDashboard({ file, port: 0, over }))

function get(
  url: string | URL,
  headers: Record<string, string> = {},
  method = 'GET',
  onPart: (part: string) => void = () => undefined
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, method }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
        onPart(part)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** The cookie of a browser that opened the printed address. */
async function admitted(): Promise<{ cookie: string }> {
  const { headers } = await get(dashboard.url)
  return { cookie: headers['set-cookie']![0]!.split(';')[0]! }
}

const at = (path: string) => new URL(path, dashboard.url)

/** The first line of the answer to a request for a path that no URL has. */
async function statusLine(path: string, cookie: string): Promise<string> {
  const { host, port } = at('/')
  const socket = connect(Number(port), '127.0.0.1')
  socket.end(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`)
  return (await text(socket)).split('\r\n', 1)[0]!
}

describe('who may see the run', () => {
  beforeEach(() => start())

  test('the token works once, and is a cookie then that no script and no other site has', async () => {
    const first = await get(dashboard.url)
    expect(first.status).toBe(200)
    const [cookie, ...others] = first.headers['set-cookie']!
    expect(others).toEqual([])
    expect(cookie).toMatch(/^peergrad-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/)
    expect((await get(dashboard.url)).status).toBe(401)
    expect((await get(at('/'), { cookie: cookie!.split(';')[0]! })).status).toBe(200)
  })

  test.each(['/', '/events', '/?token=', '/?token=x', '/nothing'])('nobody without it: %s', async (path) => {
    const answer = await get(at(path))
    expect(answer.status).toBe(401)
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.body).toContain('open the address that the command printed')
  })

  test.each(['//', 'http://['])('%s, which is no URL, is answered as any other', async (path) => {
    expect(await statusLine(path, '')).toBe('HTTP/1.1 401 Unauthorized')
    const { cookie } = await admitted()
    expect(await statusLine(path, cookie)).toBe('HTTP/1.1 404 Not Found')
  })

  test('a cookie of another value or another port is none', async () => {
    const { cookie } = await admitted()
    const [name, value] = cookie.split('=')
    for (const wrong of [`${name}=x`, `${name}=`, `peergrad-1=${value}`, `x=${value}`])
      expect((await get(at('/events'), { cookie: wrong })).status).toBe(401)
  })

  test.each(['example.com', 'localhost', '127.0.0.1:1', 'peer.localhost:PORT', '127.0.0.1.nip.io:PORT'])(
    'a request to %s goes elsewhere (DNS rebinding), with the cookie too',
    async (name) => {
      const host = name.replace('PORT', at('/').port)
      expect((await get(at('/'), { ...(await admitted()), host })).status).toBe(421)
    }
  )

  test('localhost is here, and there is only GET of two things', async () => {
    const cookie = await admitted()
    expect((await get(at('/'), { ...cookie, host: `localhost:${at('/').port}` })).status).toBe(200)
    expect((await get(at('/'), cookie, 'POST')).status).toBe(405)
    expect((await get(at('/../package.json'), cookie)).status).toBe(404)
  })

  test('the page runs its own script and style and nothing else, and no site may frame it', async () => {
    const { headers, body } = await get(dashboard.url)
    const inside = (element: string) => new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(body)![1]!
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; script-src ${hash(inside('script'))}; style-src ${hash(inside('style'))}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
    )
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store'
    })
    const markup = body.replace(/<(script|style)>.*?<\/\1>/gs, '').replace(/<!--.*?-->/gs, '')
    expect(markup).not.toMatch(/\bsrc=|https?:| on\w+=| style=/)
    expect(inside('style')).not.toMatch(/url\(|@import/)
  })
})

describe('the events', () => {
  const events = async (more = {}) => (await get(at('/events'), { ...(await admitted()), ...more })).body

  test('of a run that is over are all sent, then the end', async () => {
    writeFileSync(file, '{"a":1}\n{"b":2}\n{"half')
    await start()
    expect(await events()).toBe('id: 16\ndata: {"a":1}\ndata: {"b":2}\n\nevent: over\ndata: \n\n')
  })

  test('go on where a broken connection ended', async () => {
    writeFileSync(file, '{"a":1}\n{"b":2}\n')
    await start()
    expect(await events({ 'last-event-id': '8' })).toBe('id: 16\ndata: {"b":2}\n\nevent: over\ndata: \n\n')
  })

  test('that come later are sent when they come, those before the end included', async () => {
    writeFileSync(file, '{"a":1}\n')
    await start(false)
    const cookie = await admitted()
    let first: (part: string) => void = () => undefined
    const begun = new Promise<string>((resolve) => (first = resolve))
    const whole = get(at('/events'), cookie, 'GET', first)
    expect(await begun).toBe('id: 8\ndata: {"a":1}\n\n')
    appendFileSync(file, '{"b":2}\n')
    await dashboard.close()
    expect((await whole).body).toBe('id: 8\ndata: {"a":1}\n\nid: 16\ndata: {"b":2}\n\nevent: over\ndata: \n\n')
  })

  test('that nobody writes any more are said to be, until somebody does', async () => {
    writeFileSync(file, '{"a":1}\n')
    let written = false
    dashboard = await startDashboard({ file, port: 0, over: false, isWritten: () => Promise.resolve(written) })
    const cookie = await admitted()
    const parts = new EventEmitter()
    const came = (what: string) => once(parts, what)
    const whole = get(at('/events'), cookie, 'GET', (part) => parts.emit(part))
    await came('event: left\ndata: \n\n')
    written = true
    await came('event: taken\ndata: \n\n')
    written = false
    await came('event: left\ndata: \n\n')
    appendFileSync(file, '{"b":2}\n')
    await came('id: 16\ndata: {"b":2}\n\n')
    await came('event: left\ndata: \n\n')
    await dashboard.close()
    expect((await whole).body).toMatch(/event: over\ndata: \n\n$/)
  })

  test('of another run in the same file begin anew', async () => {
    writeFileSync(file, '{"a":1}\n')
    await start()
    truncateSync(file, 0)
    expect(await events({ 'last-event-id': '8' })).toBe('event: anew\ndata: \n\n')
  })

  test('are lines whatever a line holds, and a long one is whole', async () => {
    const long = `"${'x'.repeat(1e6)}"`
    writeFileSync(file, `a\revent: over\n${long}\n`)
    await start()
    const [first, second, end] = (await events()).split('\n\n')
    expect(first).toBe('id: 14\ndata: a\ndata: event: over')
    expect(second === `id: ${15 + long.length}\ndata: ${long}`).toBe(true)
    expect(end).toBe('event: over\ndata: ')
  })
})

test('a port that is none is refused', async () => {
  await start()
  expect(dashboardPort('')).toBe(0)
  expect(() => dashboardPort('x')).toThrow('dashboard: got "x", expected an integer')
  expect(() => dashboardPort('x', 'port')).toThrow('port: got "x", expected an integer')
  await expect(startDashboard({ file, port: Number(at('/').port), over: true })).rejects.toMatchObject({
    code: 'argument'
  })
})
