/** Phases of a round, as `result.json`, the events and the dashboard name them. */
export const PHASES = ['compute', 'store', 'average', 'wait', 'fetch', 'aggregate', 'agree', 'update', 'sync'] as const
export type Phase = (typeof PHASES)[number]

/** Milliseconds spent in each phase. */
export type PhaseTimes = Partial<Record<Phase, number>>
