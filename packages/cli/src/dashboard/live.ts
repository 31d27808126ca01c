import { join } from 'node:path'
import { say } from '../output/print.js'
import { startDashboard, type Dashboard } from './server.js'

/** Serves the run that writes its events to `out`, and says where; nothing without a port. */
export async function openDashboard(out: string, port: number | undefined): Promise<Dashboard | undefined> {
  if (port === undefined) return undefined
  const dashboard = await startDashboard({ file: join(out, 'events.ndjson'), port, over: false })
  say(`peergrad: dashboard, once and in one browser: ${dashboard.url}`)
  return dashboard
}
