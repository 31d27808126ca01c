/** A main thread that does what the first argument says, with a guard that bears half a second. */
import { spawnSync } from 'node:child_process'
import { LoopGuard } from '@peergrad/peer/loop-guard'

const own = new URL('./loop-guard-child.mjs', import.meta.url).href
const guard = new LoopGuard(500)
const [, , what] = process.argv

function keep(milliseconds) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

switch (what) {
  case 'loops':
    guard.watch({ name: 'mine', module: own })
    keep(Infinity)
    break
  case 'matches for ever':
    guard.watch({ name: 'one', module: 'file:///elsewhere.mjs' })
    guard.watch({ name: 'mine', module: own })
    setTimeout(() => /^(a+)+$/.test(`${'a'.repeat(40)}b`))
    break
  case 'loops elsewhere':
    guard.watch({ name: 'one', module: 'file:///elsewhere.mjs' })
    guard.watch({ name: 'other' })
    keep(Infinity)
    break
  case 'waits for a command':
    guard.watch({ name: 'mine', module: own })
    spawnSync('sleep', ['5'])
    break
  case 'works long':
    guard.watch({ name: 'mine', module: own })
    for (let turns = 0; turns < 8; turns++) {
      keep(200)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    break
  case 'stands still':
    guard.watch({ name: 'mine', module: own })
    process.on('message', () => process.exit(0))
    process.send('here')
    break
}
