import type { Command } from '../command.js'
import { train } from './train.js'

/** In the order in which help shows them. */
export const COMMANDS: readonly Command[] = [train]
