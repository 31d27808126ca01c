import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { expect, test } from 'vitest'
import { readEvents } from '../src/events-file.js'

const EVENT = '{"type":"left","time":1,"peer":"a","reason":"asked to"}'

test.each([
  'null',
  '3',
  '[]',
  '{}',
  '{"type":"round"}',
  '{"type":"left","time":1,"peer":"a","reason":3}',
  '{"type":"ro'
])('a line %s is no event', async (line) => {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-events-'))
  const file = join(folder, 'events.ndjson')
  const read = async (text: string) => {
    writeFileSync(file, text)
    const events: RunEvent[] = []
    for await (const event of readEvents(file, { torn: false })) events.push(event)
    return events
  }
  try {
    expect(await read(`${EVENT}\n${EVENT}\n`)).toHaveLength(2)
    const refused = read(`${EVENT}\n${line}\n${EVENT}\n`)
    await expect(refused).rejects.toMatchObject({ code: 'corrupt', message: `${file}: line 2 is no event` })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
