/**
 * `node scripts/screenshots.mjs`: the pictures of docs/guide/dashboard.md. Trains four peers for some seconds, kills one,
 * and takes pictures of the dashboard on what they wrote, and of the report. Needs Chromium and a build.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = join(import.meta.dirname, '..')
const PROGRAM = join(ROOT, 'packages', 'cli', 'bin', 'peergrad.js')
const IMAGES = join(ROOT, 'docs', 'guide', 'images')
const RUN = ['--peers', '4', '--model', 'mlp', '--dataset', 'synthetic', '--rounds', '40', '--evaluate-every', '10']
const CHROMIUM = { executablePath: '/usr/bin/chromium' }
const WIDE = { colorScheme: 'light', viewport: { width: 1280, height: 960 } }
/** Rounds after which a peer is killed. */
const ROUNDS = 12

const out = mkdtempSync(join(tmpdir(), 'peergrad-screenshots-'))
mkdirSync(IMAGES, { recursive: true })
try {
  await train()
  await picture('dashboard.png', WIDE)
  await picture('dashboard-dark.png', { colorScheme: 'dark', viewport: { width: 420, height: 840 } })
  await report('report.png', WIDE)
} finally {
  rmSync(out, { recursive: true })
}

async function train() {
  const child = spawn(process.execPath, [PROGRAM, 'train', ...RUN, '--out', out], { stdio: 'inherit' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const watch = setInterval(() => {
    if (rounds() < ROUNDS) return
    clearInterval(watch)
    const victim = readdirSync('/proc').find(
      (pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`--out=${out}/peer-3`)
    )
    if (victim !== undefined) process.kill(Number(victim), 'SIGKILL')
  }, 50)
  await ended
  clearInterval(watch)
}

/** Rounds that ended at all peers together, so far. */
function rounds() {
  try {
    return readFileSync(join(out, 'events.ndjson'), 'utf8').split('"type":"round"').length / 4
  } catch {
    return 0
  }
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

async function picture(name, look) {
  const server = spawn(process.execPath, [PROGRAM, 'dashboard', out, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const browser = await chromium.launch(CHROMIUM)
  try {
    const { url } = JSON.parse(await firstDocument(server.stdout))
    const page = await browser.newPage(look)
    await page.goto(url)
    await page.getByText('finished').first().waitFor()
    await page.getByRole('combobox', { name: 'The last' }).selectOption('10000')
    // in the middle of the run, half a second after the death
    const time = await page.evaluate(() => document.querySelector('li.grave .time')?.textContent ?? '')
    await page.getByRole('slider').fill(String(milliseconds(time) + 1500))
    await page.getByRole('button', { name: 'Play' }).waitFor()
    await page.waitForFunction(() => document.querySelectorAll('canvas').length >= 3)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    await page.screenshot({ path: join(IMAGES, name), animations: 'disabled' })
  } finally {
    await browser.close()
    server.kill('SIGINT')
  }
}

async function report(name, look) {
  spawnSync(process.execPath, [PROGRAM, 'report', '.'], { cwd: out, stdio: 'inherit' })
  const browser = await chromium.launch(CHROMIUM)
  try {
    const page = await browser.newPage(look)
    await page.goto(pathToFileURL(join(out, 'report.html')).href)
    await page.locator('canvas').first().waitFor()
    await page.screenshot({ path: join(IMAGES, name), animations: 'disabled' })
  } finally {
    await browser.close()
  }
}

/** Of "1 min 2 s" or "3.4 s". */
function milliseconds(text) {
  const [, minutes = 0, seconds = 0] = /(?:(\d+) min )?([\d.]+) s/.exec(text) ?? []
  return Math.round(Number(minutes) * 60_000 + Number(seconds) * 1000)
}

async function firstDocument(stream) {
  let text = ''
  for await (const part of stream) {
    text += part
    if (text.includes('}')) return text
  }
  return text
}
