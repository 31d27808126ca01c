/** Phases of a round, as `result.json`, the events and the dashboard name them. */
export const PHASES = ['compute', 'store', 'average', 'wait', 'fetch', 'aggregate', 'agree', 'update', 'sync'] as const
export type Phase = (typeof PHASES)[number]

/** Where the work of a phase is done: `peer` is outside the database, by core's kernels. */
export type PhasePlace = 'engine' | 'database' | 'peer' | 'network'
export type PhasePlaces = Readonly<Record<Phase, PhasePlace>>

/** Milliseconds in which each phase lasted. Phases overlap where a peer does several things at once. */
export type PhaseTimes = Partial<Record<Phase, number>>
