import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import type { FalseSuspicion } from './faults.js'
import { median, type Recovery } from './measures.js'
import { HELD, type Held, type Survivor, type Trend } from './samples.js'

export interface SoakReport {
  readonly command: string
  readonly minutes: number
  /** load averages of the machine, one for each fault */
  readonly loads: readonly number[]
  readonly rounds: number
  readonly kills: number
  readonly stops: number
  readonly returns: number
  readonly recoveries: readonly Recovery[]
  readonly rejoins: readonly number[]
  readonly suspicions: readonly FalseSuspicion[]
  readonly survivors: readonly Survivor[]
  /** the law that ended it */
  readonly broken: string | undefined
}

/**
 * What a survivor may hold more after half an hour: a share of what it holds at the start, or a number. Bytes outside
 * of the heap are a few buffers on their way, now 3 and now 10 MB: two more are within what a line through them tells.
 */
const BOUNDS: Readonly<Record<Held, { readonly share?: number; readonly count?: number }>> = {
  resident: { share: 0.05 },
  // two nurseries more, or it is not what V8 keeps but what it cannot use
  reserve: { count: 64 * 2 ** 20 },
  heapUsed: { share: 0.1 },
  external: { count: 2 * 2 ** 20 },
  descriptors: { count: 2 },
  timers: { count: 2 }
}
const MEGABYTES: readonly Held[] = ['resident', 'reserve', 'heapUsed', 'external']
/** False suspicions that are listed. */
const SHOWN = 20
/** Minutes below which a line through the samples says nothing. */
const SHORT = 10

export function report(soak: SoakReport): string {
  const { recoveries, rejoins, suspicions } = soak
  const long = soak.minutes >= SHORT
  const growing = soak.survivors.flatMap((survivor) =>
    HELD.filter((held) => grows(survivor.trends[held], held)).map((held) => `${held} of ${survivor.name}`)
  )
  const verdicts = [
    soak.broken === undefined
      ? 'all that ran finished with one hash, and nobody was left behind'
      : `BROKEN: ${soak.broken}`,
    suspicions.length === 0
      ? 'no false suspicion'
      : `BROKEN: ${suspicions.length} false suspicions, ${suspicions.filter(({ dazed }) => dazed).length} of them by a peer that had just stood still itself`,
    !long
      ? 'too short to say whether what they hold is flat'
      : soak.survivors.length === 0
        ? 'nobody is left to say whether what they hold is flat'
        : growing.length === 0
          ? 'what the survivors hold is flat'
          : `BROKEN: it grows: ${growing.join(', ')}`
  ]
  const mean = soak.loads.reduce((sum, load) => sum + load, 0) / soak.loads.length
  return [
    '# Soak',
    '',
    `\`${soak.command}\`: ${soak.minutes.toFixed(0)} minutes, ${soak.rounds} rounds, ${soak.kills} kills, ${soak.stops} stops, ` +
      `${soak.returns} returns, default settings, load average ${mean.toFixed(1)} on ${cpus().length} processors. ` +
      '"slope" is of a line through all samples after two fifths of the time, "start" and "end" are on that line; faster than its bound is what is so by two standard errors. ' +
      '"resident" is without what the heaps have from the system and do not use, their "reserve"; nurseries have a fixed size here.',
    '',
    ...verdicts.map((verdict) => `- ${verdict}`),
    '',
    '| seconds to | median | worst |',
    '|---|---|---|',
    ...(['detect', 'agree', 'recover'] as const).map((what) =>
      secondsRow(
        what,
        recoveries.map((each) => each[what])
      )
    ),
    secondsRow('rejoin', rejoins),
    '',
    '| survivor | what it holds | start | end | slope per minute | its error | worst | bound of the slope |',
    '|---|---|---|---|---|---|---|---|',
    ...soak.survivors.flatMap((survivor) => HELD.map((held) => heldRow(survivor, held))),
    '',
    ...falseSuspicions(suspicions),
    machine(),
    ''
  ].join('\n')
}

/** The first ones: what follows is mostly the same again. */
function falseSuspicions(suspicions: readonly FalseSuspicion[]): string[] {
  if (suspicions.length === 0) return []
  const shown = suspicions
    .slice(0, SHOWN)
    .map(({ sentence, dazed }) => `- ${sentence}${dazed ? ' (it had stood still itself)' : ''}`)
  const more = suspicions.length - shown.length
  return ['False suspicions:', '', ...shown, ...(more > 0 ? [`- and ${more} more`] : []), '']
}

function secondsRow(what: string, values: readonly number[]): string {
  const show = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '')
  return `| ${what} | ${show(median(values))} | ${show(Math.max(...values))} |`
}

/** Per minute. */
function bound(trend: Trend, held: Held): number {
  const { share, count } = BOUNDS[held]
  return (share === undefined ? (count ?? 0) : share * trend.start) / 30
}

/** By more than two standard errors: of a number that comes and goes, as of connections, a line alone says little. */
const grows = (trend: Trend, held: Held) => trend.slope - 2 * trend.error > bound(trend, held)

function heldRow({ name, trends }: Survivor, held: Held): string {
  const trend = trends[held]
  const bytes = MEGABYTES.includes(held)
  const show = (value: number) => (bytes ? (value / 1e6).toFixed(2) : value.toFixed(2))
  const values = [trend.start, trend.end, trend.slope, trend.error, trend.worst, bound(trend, held)].map(show)
  return `| ${[name, bytes ? `${held}, MB` : held, ...values].join(' | ')} |`
}

function machine(): string {
  const [processor] = cpus()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname })
  const parts = [
    `${cpus().length} × ${processor?.model.trim()}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.versions.node}`,
    commit.trim(),
    new Date().toISOString().slice(0, 10)
  ]
  return `${parts.join(', ')}.`
}
