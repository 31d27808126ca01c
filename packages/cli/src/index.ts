export { commandLinePage, exitCodesPage } from './docs.js'
export type { PeerOutcome, PeerStatus, RunResult } from './outcome.js'
