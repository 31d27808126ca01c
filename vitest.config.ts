import { join } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const WHOLE_PEERS = join(import.meta.dirname, 'test')

/**
 * Pure computing, which leaves nothing behind in a process: no environment, no mocks, no threads, no processes. A worker
 * goes from one of these files to the next with all that it has loaded, which costs more than most of them.
 */
const PURE = ['packages/{core,strategies,dashboard}/test/**/*.test.ts']

/**
 * Files that run whole peers take longest, however short they are: they go first, so that all workers end together. The
 * pure ones stand together, or their workers would end between them.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const place = ({ moduleId, project }: TestSpecification) =>
      moduleId.startsWith(WHOLE_PEERS) ? 0 : project.name === 'pure' ? 1 : 2
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  test: {
    globalSetup: ['scripts/bundle.mjs'],
    // built packages run as they do for a user: by Node, with worker files beside them
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // peers of real processes wait for each other: a third file fills two processors
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...PURE]
        }
      },
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } }
    ]
  }
})
