import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import typescript from 'typescript-eslint'

const PACKAGES = ['core', 'store', 'strategies', 'engine', 'peer', 'dashboard', 'cli', 'conformance']

/** core ← store, strategies, engine, peer, dashboard ← cli; the five in the middle do not import one another. conformance is for tests. */
const MAY_IMPORT = {
  core: [],
  store: ['core'],
  strategies: ['core'],
  engine: ['core'],
  peer: ['core'],
  dashboard: ['core'],
  cli: ['core', 'store', 'strategies', 'engine', 'peer', 'dashboard'],
  conformance: ['core', 'store', 'strategies', 'engine', 'peer']
}

/** A browser can be a peer later: these packages use no `node:` module. */
const NO_NODE = ['core', 'strategies', 'dashboard']

const dependencyRule = (name) => ({
  files: [`packages/${name}/src/**`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: PACKAGES.filter((other) => other !== name && !MAY_IMPORT[name].includes(other)).flatMap((other) => [
              `@peergrad/${other}`,
              `**/packages/${other}/**`
            ]),
            message: `${name} may import ${MAY_IMPORT[name].join(', ') || 'no package of ours'}: see ARCHITECTURE.md.`
          },
          {
            group: [`@peergrad/${name}`],
            message: 'Inside a package, import the file and not the door.'
          },
          {
            // the guard has a door of its own, for a command that only helps must not load a peer
            group: [...PACKAGES.map((other) => `@peergrad/${other}/*`), '!@peergrad/peer/loop-guard'],
            message: 'A package has one door: import it by its name.'
          },
          ...(NO_NODE.includes(name)
            ? [{ group: ['node:*'], message: `${name} runs in a browser too: it uses no node: module.` }]
            : [])
        ].filter((pattern) => pattern.group.length > 0)
      }
    ]
  }
})

export default defineConfig([
  globalIgnores([
    '**/dist/**',
    '**/node_modules/**',
    '.cache/**',
    'runs/**',
    '**/assembly/**/*.ts',
    'bench/results/**'
  ]),
  js.configs.recommended,
  typescript.configs.strict,
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-undef': 'off',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-cond-assign': ['error', 'except-parens'],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/ban-ts-comment': 'error'
    }
  },
  {
    files: ['packages/*/src/**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ThrowStatement > NewExpression[callee.name=/^(Error|TypeError|RangeError|AggregateError)$/]',
          message: 'Throw a PeergradError with a code: what was got, what was expected, what to do.'
        },
        {
          selector: 'TSAsExpression > TSAsExpression[typeAnnotation.type="TSUnknownKeyword"]',
          message: '"as unknown as" hides what the types would say.'
        }
      ]
    }
  },
  ...PACKAGES.map(dependencyRule),
  {
    // none of core's code, which is for peers, is in the page
    files: ['packages/dashboard/src/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { paths: [{ name: '@peergrad/core', allowTypeImports: true, message: 'The page takes types of core only.' }] }
      ]
    }
  },
  {
    files: ['packages/{core,peer}/src/**'],
    ignores: ['**/src/bundled/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                'zod',
                'libp2p',
                '@libp2p/*',
                '@libp2p/*/*',
                '@chainsafe/*',
                '@multiformats/*',
                'multiformats/*',
                'uint8arrays/*',
                'ws'
              ],
              allowTypeImports: true,
              message: 'It takes long to load: import it in src/bundled, and from there.'
            }
          ]
        }
      ]
    }
  },
  {
    // tests say what is there with `!` and build what is wrong on purpose
    files: ['**/test/**', 'bench/**', 'examples/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/no-empty-function': 'off' }
  }
])
