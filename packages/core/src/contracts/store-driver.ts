import type { Arena } from '../vector.js'
import type { Clock } from './clock.js'
import type { Logger } from './logger.js'
import type { GradientStore } from './store.js'

/** What a driver may build a peer's database on. */
export interface StoreOpenInit {
  /** hash of the run's manifest */
  readonly run: string
  readonly peer: string
  /** memory that engine, network and store share; leased vectors lie in it */
  readonly arena: Arena
  /** of expiry */
  readonly clock: Clock
  readonly logger: Logger
}

/** A kind of database. The peer opens one when it starts, and closes it when it ends. */
export interface StoreDriver {
  readonly name: string
  readonly describe: string
  open(init: StoreOpenInit): Promise<GradientStore>
}

export type StoreDriverFactory = (options: Readonly<Record<string, number | string | boolean>>) => StoreDriver
