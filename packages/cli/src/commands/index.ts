import type { Command } from '../command.js'
import { aggregate } from './aggregate.js'
import { attack } from './attack.js'
import { bench } from './bench.js'
import { compare } from './compare.js'
import { craft } from './craft.js'
import { dashboard } from './dashboard.js'
import { data } from './data.js'
import { doctor } from './doctor.js'
import { engines } from './engines.js'
import { exportModel } from './export.js'
import { invite } from './invite.js'
import { newCommand } from './new.js'
import { peer } from './peer.js'
import { relay } from './relay.js'
import { report } from './report.js'
import { simulate } from './simulate.js'
import { strategies } from './strategies.js'
import { train } from './train.js'

/** In the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  train,
  compare,
  attack,
  simulate,
  peer,
  relay,
  invite,
  doctor,
  dashboard,
  report,
  exportModel,
  data,
  engines,
  strategies,
  aggregate,
  craft,
  newCommand,
  bench
]
