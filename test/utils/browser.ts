import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** Why the tests of a browser cannot run here; undefined when they can. */
export const absent =
  PROGRAM === undefined ? 'skipped: there is no Chromium at /usr/bin/chromium; apt-get install chromium' : undefined

/** Starts one browser for all tests of a file. */
export function browserForFile(): { page(): Promise<Watched> } {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: PROGRAM ?? '', args: ['--disable-dev-shm-usage'] })
  })
  afterAll(() => browser?.close())
  return {
    async page() {
      if (browser === undefined) throw new Error('the browser did not start')
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
      onTestFinished(() => context.close())
      const page = await context.newPage()
      const complaints: string[] = []
      const requests: string[] = []
      const outside: string[] = []
      page.on('pageerror', ({ message }) => complaints.push(message))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      page.on('dialog', (dialog) => {
        complaints.push(`a dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      page.on('request', (request) => {
        const { protocol, hostname } = new URL(request.url())
        if (protocol !== 'data:') requests.push(request.url())
        if (!['data:', 'file:'].includes(protocol) && hostname !== '127.0.0.1') outside.push(request.url())
      })
      return { page, complaints, requests, outside }
    }
  }
}

/** A page of a browser of its own, and what it did that it should not. */
export interface Watched {
  readonly page: Page
  /** errors, violations of its policy, dialogs */
  readonly complaints: readonly string[]
  /** all that it asked for */
  readonly requests: readonly string[]
  /** those to other hosts */
  readonly outside: readonly string[]
}
