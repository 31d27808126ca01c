import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { PeergradError, suggestion } from '@peergrad/core'
import { directory } from '../files.js'
import { fileError } from '../machine-error.js'

interface Kind {
  /** the flag that takes it */
  readonly flag: string
  /** the command that has that flag; train when left out */
  readonly command?: string
  /** the peers of a run that need it; every one when left out */
  readonly peers?: string
  /** the function of the conformance kit */
  readonly check: string
  /** a second argument of that function */
  readonly properties?: string
}

/** Kinds of plug-in that a package can be begun with; each has a file in `templates`. */
export const KINDS: Readonly<Record<string, Kind>> = {
  strategy: { flag: 'strategy', check: 'checkStrategy' },
  rule: { flag: 'aggregator', check: 'checkAggregator', properties: '{ tolerates: (n) => (n >= 3 ? 1 : 0) }' },
  filter: { flag: 'filter', check: 'checkFilter' },
  codec: {
    flag: 'codec',
    check: 'checkCodec',
    properties: '{ error: (values, i) => Math.abs(values[i]) / 128 + 1e-38 }'
  },
  attack: { flag: 'attacks', command: 'attack --simulate', peers: 'Every hostile peer', check: 'checkAttack' }
}

const PACKAGES = join(import.meta.dirname, '../../..')

/**
 * Writes a package with a plug-in and a test that runs the conformance kit on it, in a new directory of that name.
 * Returns its files. Errors: `unknown` for a kind that there is not, `argument` for a name that is no name,
 * `duplicate` when the directory is there.
 */
export function newPlugin(kind: string, name: string): string[] {
  const chosen = KINDS[kind]
  if (chosen === undefined) {
    const kinds = Object.keys(KINDS)
    throw new PeergradError(
      'unknown',
      `new: got "${kind}", ${suggestion(kind, kinds)}expected one of ${kinds.join(', ')}`
    )
  }
  if (!/^[a-z][a-z0-9-]{0,99}$/.test(name)) {
    throw new PeergradError(
      'argument',
      `new: got the name "${name}", expected lower-case letters, digits and dashes, a letter first, at most 100 of them`
    )
  }
  if (existsSync(name)) throw new PeergradError('duplicate', `new: ${name} is there already; take another name`)
  const template = readFileSync(join(import.meta.dirname, '../../templates', `${kind}.js`), 'utf8')
  const files = {
    'package.json': `${JSON.stringify(manifest(kind, name), null, 2)}\n`,
    'src/index.js': template.replaceAll('my-plugin', name),
    'test/index.test.js': testOf(chosen),
    'README.md': readme(kind, name, chosen),
    '.gitignore': 'node_modules/\nruns/\n'
  }
  return Object.entries(files).map(([file, text]) => {
    const path = join(name, file)
    try {
      directory(dirname(path))
      writeFileSync(path, text, { flag: 'wx' })
    } catch (thrown) {
      throw fileError(path, thrown)
    }
    return path
  })
}

/** The lab's quick grid is for rules: where one breaks, and up to how many hostile peers it holds. */
const ATTACKED = 'rule'
const INSTALL = 'npm install --silent --no-audit --no-fund'

function manifest(kind: string, name: string): object {
  const attacked = kind === ATTACKED
  return {
    name,
    version: '0.1.0',
    description: `${kind} for peergrad`,
    private: true,
    type: 'module',
    main: './src/index.js',
    exports: './src/index.js',
    files: ['src'],
    engines: { node: '>=20.19' },
    scripts: {
      pretest: INSTALL,
      test: 'node --test',
      ...(attacked && { preattack: INSTALL, attack: 'peergrad attack --aggregators ./src/index.js --quick' })
    },
    dependencies: { '@peergrad/core': where('core', name) },
    devDependencies: {
      ...(attacked && { '@peergrad/cli': where('cli', name) }),
      '@peergrad/conformance': where('conformance', name)
    }
  }
}

/** In a clone of the repository its own packages, by their path; else the version of this one. */
function where(pack: string, from: string): string {
  if (existsSync(join(PACKAGES, '..', 'pnpm-workspace.yaml'))) return `file:${relative(from, join(PACKAGES, pack))}`
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}

function testOf({ check, properties }: Kind): string {
  return `import test from 'node:test'
import { ${check} } from '@peergrad/conformance'

test('holds the laws of its kind', () =>
  ${check}(import.meta.resolve('../src/index.js')${properties === undefined ? '' : `, ${properties}`}))
`
}

function readme(kind: string, name: string, { flag, check, command = 'train', peers = 'Every peer' }: Kind): string {
  return `# ${name}

${kind === 'attack' ? 'An' : 'A'} ${kind} for peergrad: \`src/index.js\`. ${peers} of a run needs it in the same place.

\`\`\`sh
npm test                                  # ${check}: the laws that every ${kind} must hold
npx peergrad ${command} --${flag} ./${name}        # in the directory above this one
${kind === ATTACKED ? `npm run attack                            # the lab's quick grid: where it breaks, and up to how many hostile peers it holds\n` : ''}\`\`\`

Options stand behind a colon, \`--${flag} ./${name}:key=value\`, and come to the factory as an object.
`
}
