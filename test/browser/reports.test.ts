import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolveOptions } from '@peergrad/core'
import type { Page } from 'playwright-core'
import { describe, expect, test, vi } from 'vitest'
import { reportOf, writeReport } from '../../packages/cli/src/lab/report.js'
import { attacked } from '../../packages/cli/test/fixtures/attacked.js'
import { comparison, finishedRow } from '../../packages/cli/test/fixtures/compared.js'
import { absent, browserForFile, type Watched } from '../utils/browser.js'
import { cli, scratch } from '../utils/cli.js'
import { lines, story } from '../utils/story.js'

// a browser: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 60_000 })

describe.skipIf(absent !== undefined)(`a report in Chromium${absent === undefined ? '' : `, ${absent}`}`, () => {
  const browser = browserForFile()

  /** The page of a file, with no network. */
  async function opened(file: string): Promise<Watched> {
    const watched = await browser.page()
    const { page } = watched
    await page.context().setOffline(true)
    await page.route(/^(?!file:)/, (route) => route.abort())
    await page.goto(pathToFileURL(file).href)
    return watched
  }

  /** It asked for nothing but itself, and nothing in it was refused. */
  function expectAlone({ page, complaints, requests }: Watched): void {
    expect(complaints).toEqual([])
    expect(requests).toEqual([page.url()])
  }

  test('of attacks: heat maps, curves, and what held', async () => {
    const folder = scratch()
    const protocol = { attack: 'equivocation', level: 'protocol' } as const
    const rows = [
      attacked([0.9, 0.95], { attack: 'none', level: null }),
      attacked([0.8, 0.7]),
      attacked([0.5, 0.1], { byzantine: 2, declared: 2 }),
      attacked([0.9, 0.3], { aggregator: 'mean', preAggregators: ['nnm'] }),
      attacked([0.9, 0.9], {
        ...protocol,
        standing: { held: false, why: 'two <b>did</b> not end', delayed: 2, wasted: 2e6, exclusion: 3 }
      })
    ]
    const { options } = resolveOptions({ flags: { model: 'mlp', rounds: 20 } })
    writeReport(folder, reportOf({ mode: 'simulation', options, rows }))
    const watched = await opened(join(folder, 'attack.html'))
    const { page } = watched
    expect(await page.getByRole('heading', { name: 'worst of the attacks, best evaluation' }).count()).toBe(1)
    const cell = (text: string) => page.locator('td.heat', { hasText: text }).first()
    const colour = (text: string) => cell(text).evaluate((element) => getComputedStyle(element).backgroundColor)
    const colours = await Promise.all(['95.00 %', '50.00 %', '10.00 %'].map(colour))
    expect(new Set(colours).size).toBe(3)
    expect(colours).not.toContain('rgba(0, 0, 0, 0)')
    expect(await figures(page)).toEqual([
      'spirt, iid, f = 1: test accuracy by round',
      'spirt, iid, f = 2: test accuracy by round'
    ])
    const held = page.getByRole('row', { name: /^equivocation/ })
    expect(await held.getByRole('cell').allTextContents()).toEqual([
      'median',
      '1',
      'no',
      '2',
      '2.0 MB',
      '3',
      'two <b>did</b> not end'
    ])
    expectAlone(watched)
  })

  test('of a run, as the command writes it', async () => {
    const folder = scratch()
    writeFileSync(
      join(folder, 'events.ndjson'),
      lines(story({ peers: ['a', 'b', 'c'], rounds: 30, death: { peer: 2, round: 9 } }))
    )
    const { out } = await cli('report', folder, '--json')
    const watched = await opened((JSON.parse(out) as { html: string }).html)
    const { page } = watched
    expect(await figures(page)).toContain('training loss by rounds')
    expect(await page.getByRole('row', { name: /^c 2 died/ }).count()).toBe(1)
    expectAlone(watched)
  })

  test('of a comparison, as the command writes it', async () => {
    const folder = scratch()
    const document = comparison([finishedRow('spirt'), finishedRow('mlless')])
    writeFileSync(join(folder, 'compare.json'), JSON.stringify(document))
    const { out } = await cli('report', folder, '--json')
    const watched = await opened((JSON.parse(out) as { html: string }).html)
    const { page } = watched
    expect(await figures(page)).toHaveLength(6)
    expect(await page.getByRole('row', { name: /^mlless/ }).count()).toBeGreaterThan(0)
    expectAlone(watched)
  })
})

/** Captions of the figures that have something drawn in colour: axes are grey. */
function figures(page: Page): Promise<string[]> {
  return page.locator('#charts figure').evaluateAll((all) => {
    const isDrawn = (canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      for (let at = 0; at < data.length; at += 4) {
        const colour = data.subarray(at, at + 3)
        if (data[at + 3]! > 200 && Math.max(...colour) - Math.min(...colour) > 60) return true
      }
      return false
    }
    return all
      .filter((figure) => isDrawn(figure.querySelector('canvas')!))
      .map((figure) => figure.querySelector('figcaption')!.textContent)
  })
}
