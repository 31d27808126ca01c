import { parsePlugin, PeergradError, type Options } from '@peergrad/core'
import { datasets, partitioners } from '@peergrad/engine'
import { strategies } from '@peergrad/strategies'
import { stores } from '../stores.js'
import type { Child } from './child.js'

/** How long a peer may say nothing where plug-ins of a user's run on its main thread. */
export interface SilenceInit {
  /** as messages call them */
  readonly plugins: readonly string[]
  /** milliseconds until it is ready to train: reading data may take long */
  readonly loading: number
  /** milliseconds from then on */
  readonly training: number
}

/** What answers nothing, although it was asked. */
export function kept(plugins: readonly string[], thread: 'peer' | 'cell', milliseconds: number): PeergradError {
  const [who] = plugins
  const which = plugins.length === 1 ? who : `one of ${plugins.join(', ')}`
  const message = `${which} has kept the main thread of its ${thread} for ${milliseconds / 1000} s, so the ${thread} was ended; a loop there must await something`
  return new PeergradError('timeout', message, { plugin: which })
}

/** Milliseconds that a busy machine may keep any process from answering. */
const LEAST = 5000
/** Steps in which the time is counted: if this process stands still itself, it is late for one of them only. */
const TICKS = 10

/** The same for hostile peers, of an attack of a user's. Others wait for them to begin no longer than for a round. */
export function silenceOfAttack(name: string, { deadline, grace }: { deadline: number; grace: number }): SilenceInit {
  const limit = Math.max(LEAST, deadline + grace)
  return { plugins: [`attack ${name}`], loading: limit, training: limit }
}

/** The limits for a run; undefined when all that runs on the main thread of a peer is ours, and gives it back. */
export function silenceOf(
  options: Pick<Options, 'strategy' | 'partition' | 'dataset' | 'store' | 'patience'>,
  { deadline, grace }: { deadline: number; grace: number }
): SilenceInit | undefined {
  const plugins = ownPlugins(options)
  if (plugins.length === 0) return undefined
  const training = Math.max(LEAST, deadline + grace)
  return { plugins, loading: Math.max(training, options.patience * 1000), training }
}

/** The user's plug-ins of a run that work on the main thread of a peer. */
export function ownPlugins(options: Pick<Options, 'strategy' | 'partition' | 'dataset' | 'store'>): string[] {
  const kinds = [
    ['strategy', strategies],
    ['partition', partitioners],
    ['dataset', datasets],
    ['store', stores]
  ] as const
  return kinds
    .filter(([kind, { entries }]) => !entries.has(parsePlugin(options[kind]).name))
    .map(([kind]) => `${kind} ${options[kind]}`)
}

/**
 * Ends a peer that does not answer for so long: a plug-in that loops without awaiting anything keeps its main thread, on which
 * nothing can stop it.
 */
export function watchSilence(child: Child, init: SilenceInit): void {
  const { loading, training } = init
  const tick = training / TICKS
  let limit = loading
  let silent = 0
  let heard = child.heard
  child.on('event', ({ event }) => {
    if (event.type === 'started') limit = training
  })
  const timer = setInterval(() => {
    silent = child.heard === heard ? silent + tick : 0
    heard = child.heard
    if (silent < limit) return child.ask()
    clearInterval(timer)
    child.end(kept(init.plugins, 'peer', silent))
  }, tick)
  void child.exited.then(() => clearInterval(timer))
}
