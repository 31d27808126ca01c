import {
  layoutLength,
  type ContributionManifest,
  type ControlMessage,
  type PeerId,
  type Vector,
  type WireAttack
} from '@peergrad/core'
import { checkNames, type PluginOptions } from '../../plugin-options.js'
import { Forgeries, speaking, type Speech } from './speaking.js'

/** What a contribution is said to be in the place of what it is. */
type Claim = Partial<Pick<ContributionManifest, 'digest' | 'words' | 'length' | 'samples'>>

/** Contributions that are longer than the model. */
export function wrongShape(options: PluginOptions): WireAttack {
  return claiming('wrong-shape', options, 'announces a vector with one float more than the model has', (floats) => ({
    words: floats + 1,
    length: floats + 1
  }))
}

/** Eight bytes for each number where four are meant. */
export function wrongDtype(options: PluginOptions): WireAttack {
  return claiming('wrong-dtype', options, 'announces its vector as float64 where float32 is meant', (floats) => ({
    words: 2 * floats
  }))
}

/**
 * Twelve bytes in the sparse form that claim two thousand million values, and with a float of another place than there is.
 */
export function bomb(options: PluginOptions): WireAttack {
  return claiming(
    'bomb',
    options,
    'gives 12 bytes in the sparse form that claim 8 GB of values',
    async (_, speech, forgeries) => ({
      words: WORDS.length,
      digest: await forgeries.digest(speech, WORDS.length, writeBomb)
    })
  )
}

/** k, an index, a value. */
const WORDS = [0x7fff_ffff, 0xffff_ffff, 0x3f80_0000] as const

function writeBomb(vector: Vector): void {
  new Uint32Array(vector.buffer, vector.byteOffset, vector.length).set(WORDS)
}

function claiming(
  name: string,
  options: PluginOptions,
  describe: string,
  claim: (floats: number, speech: Speech, forgeries: Forgeries) => Claim | Promise<Claim>
): WireAttack {
  checkNames(name, options, [])
  return {
    name,
    describe,
    holds: 'nothing of that size is allocated, the contribution is in no round, and the others go on with one hash',
    level: 'payload',
    knows: [],
    arm(context) {
      const forgeries = new Forgeries()
      return speaking(context, async (message, speech) => {
        const claimed = await claim(layoutLength(speech.round.engine.layout), speech, forgeries)
        return [restated(message, context.self, () => claimed)]
      })
    }
  }
}

/** The message with another claim about the own contribution, wherever that is named. */
export function restated(
  message: ControlMessage,
  self: PeerId,
  claim: (given: Pick<ContributionManifest, 'samples'>) => Claim
): ControlMessage {
  if (message.kind === 'manifest') return { ...message, ...claim(message) }
  if (message.kind !== 'propose') return message
  const { proposal } = message
  const contributions = proposal.contributions.map((given) =>
    given.peer === self ? { ...given, ...claim(given) } : given
  )
  return { ...message, proposal: { ...proposal, contributions } }
}
