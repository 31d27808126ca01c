import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PeergradError } from '@peergrad/core'
import { hashes } from '../output/page.js'

export interface DashboardPage {
  readonly text: string
  /** its content security policy: nothing but its own script and style, and nothing outside */
  readonly policy: string
}

/** The page of packages/dashboard. Error `missing` when it was not built. */
export function dashboardPage(): DashboardPage {
  const file = fileURLToPath(import.meta.resolve('@peergrad/dashboard/page'))
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const message = `dashboard: ${file} is not built; in a clone of the repository npm run build makes it`
    throw new PeergradError('missing', message, { file }, { cause })
  }
  const policy = [
    "default-src 'none'",
    `script-src ${hashes(inside(text, 'script'))}`,
    `style-src ${hashes(inside(text, 'style'))}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ]
  return { text, policy: policy.join('; ') }
}

function inside(text: string, element: string): string[] {
  return [...text.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, 'gs'))].map(([, body = '']) => body)
}
