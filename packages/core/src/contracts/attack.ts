import type { Random } from '../random.js'
import type { Vector } from '../vector.js'

/** What a hostile peer does to the vector that it gives. Lives in attack runs only, never in the honest code. */
export interface Attack {
  readonly name: string
  readonly describe: string
  readonly level: 'data' | 'gradient' | 'payload' | 'protocol'
  /** what it must be told */
  readonly knows: readonly ('own' | 'honest' | 'defence' | 'topology')[]
  craft(input: { own: Vector; honest: readonly Vector[]; out: Vector; random: Random; round: number }): void
}
