import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lines, story } from '../../../test/utils/story.js'
import { COMMANDS } from '../src/commands/index.js'
import type { RunResult } from '../src/outcome.js'
import { markdownTables } from '../src/output/markdown.js'
import { nextCommands } from '../src/output/next.js'
import { parseCommandLine } from '../src/parse.js'
import { writeReportOf } from '../src/report/report.js'
import { Tally } from '../src/tally.js'
import { comparison, finishedRow } from './fixtures/compared.js'

const EVENTS = [...story({ peers: ['a', 'b', 'c'], rounds: 30, death: { peer: 2, round: 9 } })]
const HOSTILE = {
  time: 1,
  peer: 'a',
  type: 'refused',
  other: '<script>alert(1)</script>',
  offence: 'x',
  reason: '|`'
} as const

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-report-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function result() {
  const tally = new Tally()
  for (const event of EVENTS) tally.add(event)
  return JSON.stringify(tally.result())
}

async function reported(files: Readonly<Record<string, string>>) {
  const folder = scratch()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const { html, markdown } = await writeReportOf(folder, join(folder, 'to'))
  return { page: readFileSync(html, 'utf8'), text: readFileSync(markdown, 'utf8') }
}

test('of a run: what came out, who was there, bytes beside the formula, faults', async () => {
  const { page, text } = await reported({ 'events.ndjson': lines([...EVENTS, HOSTILE]), 'result.json': result() })
  const [run, peers, times, traffic, happenings] = markdownTables(text)
  expect(run!.rows[0]).toEqual(['accuracy', '96.77 % on 1,000 test samples, loss 0.1000'])
  expect(peers!.rows.map((row) => row.slice(0, 5))).toEqual([
    ['a', '0', 'finished', '30', '30'],
    ['b', '1', 'finished', '30', '30'],
    ['c', '2', 'died', '10', '10']
  ])
  expect(times!.columns).toEqual(['peer', 'compute', 'wait', 'fetch'])
  expect(traffic!.rows[0]).toEqual(['a', '', '30.1 kB', '–', '30.0 kB', '30.0 kB', '30.0 kB', '30.0 kB'])
  expect(happenings!.rows.map(([, who, what]) => `${who} ${what}`)).toContain(
    'a ! gives c up: 2 of the view suspect it'
  )
  expect(text).toContain('1 of 3 peers did not finish')
  expect(page.includes('script>alert')).toBe(false)
  expect(page.includes('refuses …cript&gt;')).toBe(true)
  expect(page.includes('"caption":"training loss by rounds"')).toBe(true)
  // it opens where there is no network
  const markup = page.replaceAll(/<!--.*?-->|<(script|style)\b.*?<\/\1>/gs, '')
  expect(markup).not.toMatch(/\b(src|href)=|https?:/)
  expect(page.match(/<style>.*?<\/style>/gs)!.join('')).not.toMatch(/url\(|@import/)
})

test('of a run that a peer left in order: not that it did not finish', async () => {
  const left = { time: 1, peer: 'c', type: 'left', reason: 'asked to' } as const
  const { text } = await reported({ 'events.ndjson': lines([...EVENTS, left]) })
  expect(text).toContain('1 of 3 peers left before the end, in order.')
  expect(text).not.toContain('did not finish')
})

test('of a run that was killed: what its events tell, up to half a line', async () => {
  const { text } = await reported({ 'events.ndjson': `${lines(EVENTS.slice(0, 200))}{"time":` })
  expect(text).toContain('The run wrote no result')
  expect(markdownTables(text)[1]!.rows.map(([, , status]) => status)).toEqual(['died', 'died', 'died'])
})

test('of a run that went on: rounds a second of the part that its time is of', async () => {
  const whole = JSON.parse(result()) as RunResult
  const part = { ...whole, seconds: 2, peers: whole.peers.map((peer) => ({ ...peer, rounds: 10 })) }
  const { text } = await reported({ 'events.ndjson': lines(EVENTS), 'result.json': JSON.stringify(part) })
  expect(markdownTables(text)[0]!.rows).toContainEqual(['rounds a second', '5.00'])
})

test('of a run that went on: which rounds its time, bytes and phases are of', async () => {
  const stopped = EVENTS.filter((event) => event.type !== 'round' || event.round < 20)
  const again = [...story({ peers: ['a', 'b', 'c'], rounds: 30 })].filter(
    (event) => event.type !== 'round' || event.round >= 18
  )
  const remark = 'time, bytes and phases are of the last part, rounds 19–30; curves and contributions are of all.'
  const on = await reported({ 'events.ndjson': lines([...stopped, ...again]), 'result.json': result() })
  expect(on.text).toContain(remark)
  const whole = await reported({ 'events.ndjson': lines(EVENTS), 'result.json': result() })
  expect(whole.text).not.toContain('of the last part')
})

test('of a comparison: what compare wrote', async () => {
  const document = comparison([finishedRow('spirt:minibatches=2')])
  const { text } = await reported({ 'compare.json': JSON.stringify(document) })
  expect(markdownTables(text).map(({ rows }) => rows.length)).toEqual([1, 1, 1, 1])
})

test('of nothing, and of what is broken, is refused', async () => {
  await expect(writeReportOf(scratch(), scratch())).rejects.toMatchObject({ code: 'missing' })
  await expect(reported({ 'compare.json': '{' })).rejects.toMatchObject({ code: 'corrupt' })
  await expect(reported({ 'events.ndjson': 'x\n{}\n' })).rejects.toMatchObject({ code: 'corrupt' })
})

test.each([
  { command: 'train', finished: true, resumable: true },
  { command: 'train', finished: false, resumable: true },
  { command: 'peer', finished: true, resumable: true },
  { command: 'peer', finished: false, resumable: true }
] as const)('three commands that are there go on from %o', async (init) => {
  const commands = nextCommands({ ...init, out: 'runs/mine' })
  expect(commands).toHaveLength(3)
  for (const [line] of commands) {
    const [, ...words] = line.split(' ')
    expect(await parseCommandLine(words, COMMANDS, '0')).toHaveProperty('command')
  }
  expect(nextCommands({ ...init, out: "it's" })[0]![0]).toBe(`peergrad dashboard 'it'\\''s'`)
})
