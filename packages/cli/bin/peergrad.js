#!/usr/bin/env node
import { isStale } from './compiled.js'

if (isStale()) {
  process.stderr.write('peergrad: the packages were compiled after they were bundled; run npm run build\n')
  process.exit(2)
}
await import('../dist/bundled/main.js')
