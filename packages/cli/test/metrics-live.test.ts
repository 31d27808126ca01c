import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MetricsEndpoint } from '../src/metrics/endpoint.js'
import { Child } from '../src/train/child.js'
import { exposition } from './fixtures/exposition.js'
import { query } from './fixtures/promql.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const PROGRAM = join(ROOT, 'packages', 'cli', 'bin', 'peergrad.js')
const SECRET = 'a secret that nobody must read'

let folder: string
const children: Child[] = []
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-metrics-'))
})
afterAll(async () => {
  for (const child of children) child.kill()
  await Promise.all(children.map(({ exited }) => exited))
  rmSync(folder, { recursive: true })
})

/** A peer of a run of two, as `train` starts it. */
function start(number: number, more: readonly string[]): Child {
  const directory = join(folder, `peer-${number}`)
  const files = { out: directory, identity: join(directory, 'identity.key'), listen: '/ip4/127.0.0.1/tcp/0' }
  const flags = Object.entries({ ...files, memory: 64, 'evaluate-every': 1 }).map(
    ([word, value]) => `--${word}=${value}`
  )
  const child = new Child({ number, program: PROGRAM, directory, args: ['peer', ...flags, ...more] })
  children.push(child)
  return child
}

const RUN = [
  '--dataset=synthetic',
  '--model=mlp',
  '--engine=wasm',
  '--peers=2',
  '--rounds=100000',
  '--admission=secret'
]

/** The first event that is wanted. */
function saw<T extends RunEvent['type']>(child: Child, type: T): Promise<Extract<RunEvent, { type: T }>> {
  return new Promise((resolve, reject) => {
    child.on('event', ({ event }) => {
      if (event.type === type) resolve(event as Extract<RunEvent, { type: T }>)
    })
    child.on('exit', ({ error }) => reject(error ?? new Error(`it ended before ${type}`)))
  })
}

async function ask(url: string, path: string): Promise<{ status: number; type: string | null; text: string }> {
  const answer = await fetch(new URL(path, url))
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

test('a peer that trains is scraped, and says whether it lives and trains; Grafana asks for what there is', async () => {
  process.env['PEERGRAD_SECRET'] = SECRET
  const founder = start(0, [...RUN, '--metrics=0'])
  const { url } = await new Promise<{ url: string }>((resolve) => founder.on('metrics', resolve))
  expect((await ask(url, '/healthz')).status).toBe(200)
  expect((await ask(url, '/readyz')).status).toBe(503)

  const { addresses } = await founder.listening
  const [viewed, evaluated, linked] = [saw(founder, 'view'), saw(founder, 'evaluated'), saw(founder, 'links')]
  const other = start(
    1,
    addresses.map((address) => `--join=${address}`)
  )
  const { peer } = await other.listening
  await viewed
  expect(await ask(url, '/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
  await Promise.all([evaluated, linked])

  const { status, type, text } = await ask(url, '/metrics')
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const { labels, values } = exposition(text)
  const bytes = (direction: string, plane: string) =>
    values.get(`peergrad_link_bytes_total{peer="${peer}",direction="${direction}",plane="${plane}"}`)
  for (const direction of ['sent', 'received'])
    for (const plane of ['tensor', 'control']) expect(bytes(direction, plane), direction + plane).toBeGreaterThan(0)
  expect(values.get('peergrad_round_seconds_count{}')).toBeGreaterThan(0)
  expect(values.get('peergrad_view_members{}')).toBe(2)
  expect(values.get('libp2p_data_transfer_bytes_total{protocol="global sent"}')).toBeGreaterThan(0)
  expect(labels.get('peergrad_info')?.get('strategy')).toEqual(new Set(['spirt']))
  const logs = [founder, other].map(({ log }) => readFileSync(log, 'utf8'))
  expect(logs.every((log) => log.includes('"msg":"ready to train"'))).toBe(true)
  expect(text + logs.join('')).not.toContain(SECRET)
  checkDashboard(labels)

  other.kill()
  const { reason } = await saw(founder, 'paused')
  expect(await ask(url, '/readyz')).toMatchObject({ status: 503, text: `${reason}\n` })
  expect((await ask(url, '/healthz')).status).toBe(200)
})

/** Labels that Prometheus adds to each series, and Grafana's own variables. */
const ADDED = ['instance', 'job']

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

/** Every query of the dashboard asks for metrics, labels and values that a peer serves. */
function checkDashboard(served: ReturnType<typeof exposition>['labels']): void {
  const { panels } = JSON.parse(readFileSync(join(ROOT, 'deploy', 'grafana', 'peergrad.json'), 'utf8')) as {
    panels: readonly Panel[]
  }
  const described = new Map(new MetricsEndpoint().described().map(({ name, labelNames }) => [name, labelNames]))
  const targets = panels.flatMap(({ targets = [], title }) => targets.map((target) => ({ title, ...target })))
  expect(targets.length).toBeGreaterThan(20)
  for (const { title, expr, legendFormat } of targets) {
    const { selected, labels } = query(expr.replaceAll('$__rate_interval', '1m'))
    const known = new Set(ADDED)
    for (const { metric, matchers } of selected) {
      const series = served.get(metric)
      const names = series === undefined ? described.get(metric) : [...series.keys()]
      expect(names, `${title}: ${metric} is not served`).toBeDefined()
      for (const name of names!) known.add(name)
      for (const [label, value] of matchers) {
        expect([...names!, ...ADDED], `${title}: ${metric}{${label}}`).toContain(label)
        if (value !== undefined)
          expect([...(series?.get(label) ?? [])], `${title}: ${metric}{${label}}`).toContain(value)
      }
    }
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!)
    for (const label of [...labels, ...shown]) expect([...known], `${title}: ${label}`).toContain(label)
  }
}

describe('a query', () => {
  test('says its metrics, matchers and labels', () => {
    expect(query('sum by (a, b) (rate(x_total{c="d",e=~"f"}[5m])) / ignoring(g) y')).toEqual({
      selected: [
        {
          metric: 'x_total',
          matchers: [
            ['c', 'd'],
            ['e', undefined]
          ]
        },
        { metric: 'y', matchers: [] }
      ],
      labels: ['a', 'b', 'g']
    })
  })

  test.each(['rate(x[5m]', 'sum by (', '1 +', '{a="b"}'])('%s is none, or none of ours', (text) => {
    expect(() => query(text)).toThrow()
  })
})
