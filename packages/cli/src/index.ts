export { commandLinePage, exitCodesPage, metricsPage } from './docs.js'
export { exitCodeOf } from './exit-codes.js'
export type { PeerOutcome, PeerStatus, RunResult } from './outcome.js'
