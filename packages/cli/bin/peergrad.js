#!/usr/bin/env node
import { statSync } from 'node:fs'

const PACKAGES = new URL('../../', import.meta.url)
const NAMES = ['core', 'store', 'strategies', 'engine', 'peer', 'cli']
const time = (file) => statSync(new URL(file, PACKAGES), { throwIfNoEntry: false })?.mtimeMs

// in the workspace: what was compiled since it was bundled would not be what runs
const bundled = time('cli/tsconfig.json') && time('cli/dist/bundled/.time')
if (bundled !== undefined && NAMES.some((name) => time(`${name}/dist/.tsbuildinfo`) > bundled)) {
  process.stderr.write('peergrad: the packages were compiled after they were bundled; run pnpm build\n')
  process.exit(2)
}
await import('../dist/bundled/main.js')
