import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const HANGS = new URL('./fixtures/hangs.mjs', import.meta.url)

/** A user's own test, in a process of its own: what it looks at never gives the thread back. */
function check(name: string, subject: string) {
  const script = `import { ${name} } from '@peergrad/conformance'; await ${name}(${subject}, { stuckAfter: 500 })`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: 20_000
  })
}

test.each([
  ['checkFilter', 'filter', 15],
  ['checkCodec', 'codec', 23],
  ['checkPreAggregator', 'preAggregator', 33],
  ['checkStrategy', 'strategy', 44],
  ['checkPartitioner', 'partition', 51],
  ['checkAttack', 'attack', 61]
])('%s names one that loops without awaiting anything, and its line, and ends', (name, exported, line) => {
  const { status, stderr } = check(name, JSON.stringify(`${HANGS.href}#${exported}`))
  expect(stderr).toContain(`#${exported} has kept the main thread for 0.5 s, at ${HANGS.pathname}:${line}, so`)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(status).toBe(2)
})

test('one that is given by its factory is named by that', () => {
  const { status, stderr } = check('checkFilter', 'function endless() { for (;;); }')
  expect(stderr).toContain('the main thread, on which filter endless may run, was kept for 0.5 s, at ')
  expect(status).toBe(2)
})
