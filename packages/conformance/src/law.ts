import {
  loadFactory,
  makePlugin,
  PeergradError,
  resolvePlugin,
  type PluginReference,
  type Plugins
} from '@peergrad/core'
import { LoopGuard } from '@peergrad/peer/loop-guard'

/** One thing that must hold of a plug-in. */
export interface Law {
  readonly name: string
  /** when it does not hold the others are not tried: they would not end, or have nothing to try */
  readonly first?: true
  /** Whether the plug-in claims what is proved here; each does where this is left out. */
  claimed?(): boolean | Promise<boolean>
  /** Throws when it does not hold; the message says how. */
  prove(): unknown
}

export interface Verdict {
  readonly law: string
  readonly held: boolean
  /** how it does not hold */
  readonly why?: string
}

/** What a check found, law by law. */
export interface Report {
  readonly plugin: string
  /** those that were tried */
  readonly laws: readonly Verdict[]
  /** laws of what it does not claim */
  readonly unclaimed: readonly string[]
}

/** By how long a plug-in may keep this thread. */
const guards = new Map<number | undefined, LoopGuard>()

/** Tries all laws. Rejects with `argument` when one does not hold: the message lists them, `data.report` is the report. */
export async function judge(plugin: string, laws: readonly Law[], watch: Watch = () => () => {}): Promise<Report> {
  const unwatch = watch()
  try {
    return await verdictsOf(plugin, laws)
  } finally {
    unwatch()
  }
}

/** Begins to watch whether the plug-in gives the thread back, and returns what ends that. */
type Watch = () => () => void

async function verdictsOf(plugin: string, laws: readonly Law[]): Promise<Report> {
  const verdicts: Verdict[] = []
  const unclaimed: string[] = []
  for (const law of laws) {
    const { name, first } = law
    try {
      if ((await law.claimed?.()) === false) {
        unclaimed.push(name)
        continue
      }
      await law.prove()
      verdicts.push({ law: name, held: true })
    } catch (thrown) {
      verdicts.push({ law: name, held: false, why: reason(thrown) })
      if (first === true) break
    }
  }
  const report: Report = { plugin, laws: verdicts, unclaimed }
  const broken = verdicts.filter(({ held }) => !held).length
  if (broken === 0) return report
  const untried = laws.length - verdicts.length - unclaimed.length
  const rest = untried > 0 ? `, ${untried} not tried` : ''
  const message = `${plugin} breaks ${broken} of ${laws.length - unclaimed.length} laws${rest}\n${[...verdicts.map(line), ...unclaimed.map((law) => `  no such claim  ${law}`)].join('\n')}`
  throw new PeergradError('argument', message, { plugin, report })
}

/** What an assertion said; of a property, with the inputs for which it does not hold. */
function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  if (!(thrown.cause instanceof Error) || thrown instanceof PeergradError) return thrown.message
  const inputs = thrown.message.split('\n').find((each) => each.startsWith('Counterexample')) ?? ''
  return `${thrown.cause.message}\n${inputs.length > 200 ? `${inputs.slice(0, 199)}…` : inputs}`
}

function line({ law, held, why = '' }: Verdict): string {
  return held ? `  held    ${law}` : `  BROKEN  ${law}: ${why.trim().replaceAll('\n', '\n          ')}`
}

type Options = PluginReference['options']

/** A factory, or what a command line would say: a path or URL of a module, or the name of a package. */
export type Subject<K extends keyof Plugins> = string | ((options: Options) => Plugins[K])

/** What a check is told of any plug-in. */
export interface CheckOptions {
  /** what stands behind the colon on a command line */
  readonly options?: Options
  /**
   * milliseconds for which it may keep this thread, of which all inputs of a law may be one go; two minutes unless given. When it
   * keeps it for longer and this is the main thread, the process ends with exit code 2, and says at which line
   */
  readonly stuckAfter?: number
}

export interface Examined<K extends keyof Plugins> {
  /** how messages call it */
  readonly who: string
  /** a new one at each call */
  readonly create: () => Plugins[K]
  /** for as long as it is judged */
  readonly watch: Watch
  /** where a worker can import it from, when it was named by its module */
  readonly reference?: PluginReference
}

/** The plug-in under examination; its members are checked at each `create`. Errors: those of `loadFactory`. */
export async function examine<K extends keyof Plugins>(
  kind: K,
  subject: Subject<K>,
  { options = {}, stuckAfter }: CheckOptions = {}
): Promise<Examined<K>> {
  const guard = guards.get(stuckAfter) ?? new LoopGuard(stuckAfter)
  guards.set(stuckAfter, guard)
  if (typeof subject !== 'string') {
    const who = `${kind} ${subject.name || 'without a name'}`
    const watch = () => guard.watch({ name: who })
    return { who, create: () => makePlugin(kind, who, subject, options), watch }
  }
  const { options: given, ...module } = resolvePlugin({ kind, entries: new Map() }, subject)
  const reference = { ...module, options: { ...options, ...given } }
  const who = `${kind} ${subject}`
  const watch = () => guard.watch({ name: who, module: module.module })
  const unwatch = watch()
  try {
    return { who, create: await loadFactory(kind, reference), watch, reference }
  } finally {
    unwatch()
  }
}

/** The first law of every kind. */
export function members(create: () => unknown): Law {
  return { name: 'has the members of its kind', first: true, prove: create }
}
