import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { peerOfKey } from '@peergrad/peer'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { absent, browserForFile } from '../utils/browser.js'
import { Cli, processesWith, scratch, SMALL } from '../utils/cli.js'
import { found, joining } from '../utils/peers.js'
import { lines, story } from '../utils/story.js'

// a browser and several processes: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const PEERS = Array.from({ length: 16 }, (_, index) => `peer-${index}`)
/** Rounds of 200 ms; the last peer dies in the middle. */
const LONG = { peers: PEERS, rounds: 1000, death: { peer: 15, round: 499 } }
const FRAMES = 150
/** Times as slow as usual that a machine may be: ours has hours at less than half its speed. */
const SLOW = 3

describe.skipIf(absent !== undefined)(`the dashboard in Chromium${absent === undefined ? '' : `, ${absent}`}`, () => {
  const browser = browserForFile()
  let long: string
  beforeAll(() => {
    long = mkdtempSync(join(tmpdir(), 'peergrad-long-'))
    write(long, story(LONG))
  })
  afterAll(() => rmSync(long, { recursive: true }))

  test('a replay of 16 peers × 1,000 rounds: who was there when, at 60 frames a second', async () => {
    const { page, complaints, outside } = await browser.page()
    await page.goto(await shown(long))
    await seen(() => states(page)).toEqual([...PEERS.slice(0, 15).map((peer) => `${peer} finished`), 'peer-15 lost'])
    const slider = page.getByRole('slider', { name: 'Time of the run' })
    await slider.fill('50000')
    await seen(() => states(page)).toEqual(PEERS.map((peer) => `${peer} running`))
    await seen(() => slider.getAttribute('aria-valuetext')).toContain('50.0 s of 3 min 20 s, round 249')
    await page.getByLabel('Speed').selectOption('4')
    await page.getByRole('button', { name: 'Play' }).click()
    await page.evaluate(() => document.getElementById('timeline')?.scrollIntoView())
    // whatever else the machine does meanwhile: it is processor time of the browser
    expect(await millisecondsPerFrame(page)).toBeLessThan((SLOW * 1000) / 60)
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(1)

    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'To the end' }).click()
    await seen(() => states(page)).toContain('peer-15 lost')
    expect([complaints, outside]).toEqual([[], []])
  })

  test('is read and used without a mouse and without colours', async () => {
    const { page } = await browser.page()
    await page.goto(await shown(long))
    await seen(() => states(page)).toContain('peer-15 lost')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('To the peers')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('▶ Play')
    const unnamed = await page.evaluate(() => {
      const named = (element: Element) =>
        element.getAttribute('aria-label') ?? element.closest('label')?.textContent ?? element.textContent
      return [...document.querySelectorAll('button, input, select, [role=img], [role=region]')]
        .filter((element) => (named(element) ?? '').trim() === '')
        .map(({ outerHTML }) => outerHTML)
    })
    expect(unnamed).toEqual([])
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      'Peers',
      'Swarm',
      'Membership and faults',
      'Rounds',
      'Learning',
      'Bytes per link',
      'What a peer contributed',
      'Engine and store'
    ])
    await page.getByRole('button', { name: 'peer-15' }).press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('contribution')
    await seen(() => page.getByRole('combobox', { name: 'Peer', exact: true }).inputValue()).toBe('peer-15')
    await seen(() => page.locator('dl').first().textContent()).toContain('500 of 1000 rounds, 50.00 %')
    // narrow: the page itself does not scroll sideways
    await page.setViewportSize({ width: 360, height: 700 })
    await seen(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  })

  test('refuses without the token and for the second time, and survives a reload', async () => {
    const folder = scratch()
    write(folder, story({ peers: ['a', 'b'], rounds: 5 }))
    const url = await shown(folder)
    const { page: stranger } = await browser.page()
    expect((await stranger.goto(new URL('/', url).href))?.status()).toBe(401)
    const { page } = await browser.page()
    await page.goto(url)
    await seen(() => states(page)).toEqual(['a finished', 'b finished'])
    expect(page.url()).not.toContain('token')
    expect(await page.evaluate(() => document.cookie)).toBe('')
    await page.reload()
    await seen(() => states(page)).toEqual(['a finished', 'b finished'])
    expect((await stranger.goto(url))?.status()).toBe(401)
  })

  test('a run that was killed is said to have ended', async () => {
    const folder = scratch()
    write(folder, story({ peers: ['a', 'b'], rounds: 5 }))
    rmSync(join(folder, 'result.json'))
    const { page, complaints } = await browser.page()
    await page.goto(await shown(folder))
    await seen(() => page.getByRole('status').textContent()).toContain('the run has ended here')
    expect(complaints).toEqual([])
  })

  test('what hostile peers say is text, and short', async () => {
    const script = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
    const names = [script, `\u202e${'x'.repeat(1e6)}`, '__proto__', 'constructor']
    const hostile: RunEvent[] = names.flatMap((other) => [
      { time: 5, peer: 'a', type: 'suspected', other, reason: script },
      { time: 6, peer: 'a', type: 'refused', other, offence: 'malformed', reason: `\u2067${'y'.repeat(1e6)}` },
      { time: 7, peer: other, type: 'phase', round: 0, phase: script },
      { time: 8, peer: 'a', type: 'equivocated', other, round: 0, envelopes: ['z'.repeat(1e6), script] }
    ])
    const folder = scratch()
    write(folder, [...story({ peers: ['a', 'b'], rounds: 3 }), ...hostile])
    const { page, complaints, outside } = await browser.page()
    await page.goto(await shown(folder))
    await page.getByText('window.harmed=1').first().waitFor()
    await page.getByText('Evidence').first().click()
    expect(await page.evaluate(() => 'harmed' in window)).toBe(false)
    expect(await page.locator('img, section script').count()).toBe(0)
    const text = await page.evaluate(() => document.body.innerText)
    expect(text).toContain('<script>')
    expect(text.length).toBeLessThan(100_000)
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280)
    expect([complaints, outside]).toEqual([[], []])
  })

  test('a live run of four: the right peers, and one that is killed within 3 seconds', async () => {
    const out = scratch()
    const more = ['--peers', '4', '--epochs', '100000', '--dashboard', '--json', '--out', out]
    const train = new Cli(['train', ...SMALL, ...more])
    const [url] = await train.saw(/http:\/\/\S+/)
    const { page, complaints } = await browser.page()
    await page.goto(url)
    const running = () => states(page).then((all) => all.filter((each) => each.endsWith(' running')).length)
    await seen(running).toBe(4)
    await seen(() => page.getByRole('status').textContent()).toContain('Live')
    await seen(() => page.locator('svg .link').count()).toBe(6)
    // before the first round a death ends all
    await seen(() => page.locator('.where').textContent()).toMatch(/round ([3-9]|\d\d)/)
    const [victim] = processesWith(`--out=${out}/peer-3`)
    const killed = performance.now()
    process.kill(victim!, 'SIGKILL')
    await page.locator('tr.suspected, tr.lost').first().waitFor()
    expect(performance.now() - killed).toBeLessThan(3000)
    const gone = (await states(page)).filter((each) => /(suspected|lost)$/.test(each))
    expect(gone).toHaveLength(1)
    train.process.kill('SIGINT')
    const { out: text } = await train.finished
    const { peers } = JSON.parse(text) as { peers: { id: string; status: string }[] }
    expect(peers.filter(({ status }) => status === 'died').map(({ id }) => `…${id.slice(-6)}`)).toEqual([
      gone[0]!.split(' ')[0]
    ])
    await seen(() => page.getByRole('status').textContent()).toContain('all events of the run')
    expect(complaints).toEqual([])
  })

  test('a run on other hosts, by the address of a peer: who is in it, round after round, and who dies', async () => {
    const keys = [0, 1, 2].map(() => join(scratch(), 'identity.key'))
    const names = (await Promise.all(keys.map(peerOfKey))).map((id) => `…${id.slice(-6)}`)
    const [founder, ...others] = keys.map((key) => ['--identity', key]) as [string[], ...string[][]]
    const asked = found('--peers', '3', '--epochs', '100000', ...founder)
    const { address, words } = await joining(asked)
    const [, victim] = others.map((key) => new Cli([...words, ...key, '--out', scratch()]))
    const watching = new Cli(['dashboard', address])
    const url = await addressOf(watching)
    const { page, complaints, outside } = await browser.page()
    await page.goto(url)
    await seen(async () => (await states(page)).sort()).toEqual(names.map((name) => `${name} running`).sort())
    const round = async () => Number(/round (\d+)/.exec((await page.locator('.where').textContent()) ?? '')?.[1])
    const before = await round()
    await seen(round).toBeGreaterThan(before + 2)
    victim!.process.kill('SIGKILL')
    await seen(() => states(page)).toContain(`${names[2]} lost`)
    expect(await page.getByRole('status').textContent()).toContain('Live: the run goes on. 3 peers')
    // the page keeps what it has when the asked peer ends
    asked.process.kill('SIGINT')
    await watching.saw(/The page keeps what it has/)
    expect((await states(page)).map((each) => each.split(' ')[0]).sort()).toEqual([...names].sort())
    expect([complaints, outside]).toEqual([[], []])
  })
})

function write(folder: string, events: Iterable<RunEvent>): void {
  writeFileSync(join(folder, 'events.ndjson'), lines(events))
  writeFileSync(join(folder, 'result.json'), '{}')
}

/** The address that `peergrad dashboard` prints for a run. */
async function shown(folder: string): Promise<string> {
  return addressOf(new Cli(['dashboard', folder]))
}

async function addressOf(dashboard: Cli): Promise<string> {
  const [url] = await dashboard.saw(/http:\/\/\S+/)
  return url
}

/** "name state" of each peer, as the table says. */
function states(page: Page): Promise<string[]> {
  return page
    .locator('section[aria-labelledby=peers] tbody tr')
    .evaluateAll((rows) =>
      rows.map(
        (row) =>
          `${row.querySelector('th')?.textContent?.trim()} ${row.querySelector('.state')?.lastChild?.textContent?.trim()}`
      )
    )
}

/** What all processes of the browser compute for one frame, on the mean. */
async function millisecondsPerFrame(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession()
  const used = async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0)
  }
  const before = await used()
  await page.evaluate(
    (frames) =>
      new Promise<void>((resolve) => {
        let count = 0
        const frame = () => {
          count += 1
          if (count < frames) requestAnimationFrame(frame)
          else resolve()
        }
        requestAnimationFrame(frame)
      }),
    FRAMES
  )
  return ((await used()) - before) / FRAMES
}

/** Polls until it is so; a page of many events takes a while on a busy machine. */
function seen<T>(probe: () => T | Promise<T>) {
  return expect.poll(probe, { timeout: 30_000 })
}
