import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { EXIT } from '../src/exit-codes.js'

const module = new URL('../dist/unsettled.js', import.meta.url).href

test.each([
  ['await new Promise(() => {})', EXIT.bug.code, /^peergrad: the command waits for what never comes: .*\n$/],
  ['process.exit(2)', EXIT.usage.code, /^$/]
])('%s', (end, code, said) => {
  const program = `import { sayUnsettled } from ${JSON.stringify(module)}\nsayUnsettled()\n${end}`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  expect(stderr).toMatch(said)
  expect(status).toBe(code)
})
