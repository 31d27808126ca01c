/** Phases of a round, as `result.json`, the events and the dashboard name them. */
export const PHASES = ['compute', 'store', 'average', 'wait', 'fetch', 'aggregate', 'agree', 'update', 'sync'] as const

/**
 * What a peer does in a round. `compute`: gradients; `store`: putting them into the database, and filtering, packing and
 * digesting what it gives; `average`: of its own minibatches; `wait`: for the contributions of the others; `fetch`: of
 * vectors from the others; `aggregate`: the run's rule; `agree`: from its own vote for the outcome, which it has made by
 * then, until the round is decided, for others may still be making it; `update`: the optimiser step and the hash of the new
 * model; `sync`: fetching the outcome of a round that was decided without it.
 */
export type Phase = (typeof PHASES)[number]

/** Where the work of a phase is done: `peer` is outside the database, by core's kernels. */
export type PhasePlace = 'engine' | 'database' | 'peer' | 'network'

/** Where the work of each phase is done. */
export type PhasePlaces = Readonly<Record<Phase, PhasePlace>>

/**
 * How long each phase lasted, in milliseconds unless what holds it says seconds. Phases overlap where a peer does several
 * things at once.
 */
export type PhaseTimes = Partial<Record<Phase, number>>
