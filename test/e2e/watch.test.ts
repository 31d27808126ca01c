import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { expect, test, vi } from 'vitest'
import { Cli, cli, scratch } from '../utils/cli.js'
import { found, joining } from '../utils/peers.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

/** Events as the dashboard sends them to a browser, until this round has ended. */
async function eventsUntil(url: string, round: number): Promise<RunEvent[]> {
  const page = await fetch(url)
  const cookie = page.headers.get('set-cookie')!.split(';')[0]!
  const answer = await fetch(new URL('/events', url), { headers: { cookie } })
  const events: RunEvent[] = []
  let rest = ''
  for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split('\n')
    rest = lines.pop()!
    events.push(
      ...lines.filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)) as RunEvent)
    )
    if (events.some((event) => event.type === 'round' && event.round >= round)) return events
  }
  throw new Error(`the events ended before round ${round}`)
}

test('a run on another host is watched by an address of it, by whoever may take part in it, and goes on alone', async () => {
  const secret = join(scratch(), 'secret')
  writeFileSync(secret, 'a secret that is long enough')
  const run = ['--peers', '2', '--rounds', '60', '--admission', 'secret', '--secret-file', secret]
  const founder = found(...run)
  const { address, words } = await joining(founder)

  const stranger = await cli('dashboard', address, '--patience', '5')
  expect([stranger.code, stranger.err]).toEqual([6, expect.stringContaining('this run asks for its shared secret')])

  const watching = new Cli(['dashboard', address, '--secret-file', secret, '--json'])
  const [, url] = await watching.saw(/"url": "([^"]+)"/)
  const other = cli(...words.map((word) => (word === 'FILE' ? secret : word)), '--out', scratch())
  const events = await eventsUntil(url!, 20)
  const [first] = events
  expect(first).toMatchObject({ type: 'started', manifest: { peers: 2 } })
  const views = events.filter((event) => event.type === 'view')
  expect(views.map(({ members }) => members.length)).toEqual(views.map(() => 2))
  const rounds = events.flatMap((event) => (event.type === 'round' ? [event.round] : []))
  expect(rounds).toEqual(rounds.map((_, number) => number))
  expect([(await founder.finished).code, (await other).code]).toEqual([0, 0])
  await watching.saw(/The page keeps what it has/)
  watching.process.kill('SIGINT')
  expect((await watching.finished).code).toBe(0)
})
