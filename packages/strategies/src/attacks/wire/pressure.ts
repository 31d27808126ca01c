import type { ControlMessage, WireAttack } from '@peergrad/core'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../../plugin-options.js'
import { restated } from './forms.js'
import { speaking } from './speaking.js'

/** Samples that a message can name at most. */
const MOST_SAMPLES = 0xffff_ffff
/** msgpack of an array of 4 thousand million things, and then nothing. */
const GARBAGE = Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff])

/**
 * More messages than anybody needs, good ones and garbage in turns.
 *
 * @param options messages: with each contribution (500)
 */
export function flood(options: PluginOptions): WireAttack {
  checkNames('flood', options, ['messages'])
  const messages = integerOption('flood', options, 'messages', { fallback: 500, min: 1, max: 1e6 })
  return {
    name: 'flood',
    describe: 'sends so many messages (500) with each contribution, half of them garbage',
    holds: 'every process lives with flat memory, the sender is scored and cut off, and the rounds go on',
    level: 'protocol',
    knows: [],
    arm(context) {
      let number = 2 ** 30
      return speaking(context, async (message, { mesh }) => {
        if (message.kind !== 'manifest') return [message]
        const { run } = message
        for (let sent = 0; sent < messages / 2; sent++) await mesh.announce(GARBAGE)
        const empty = (): ControlMessage => ({ kind: 'suspicions', run, number: ++number, peers: [] })
        return [message, ...Array.from({ length: messages / 2 }, empty)]
      })
    }
  }
}

/**
 * More samples than it has seen, to weigh more.
 *
 * @param options factor: 1e6 unless given
 */
export function inflatedSamples(options: PluginOptions): WireAttack {
  checkNames('inflated-samples', options, ['factor'])
  const factor = numberOption('inflated-samples', options, 'factor', { fallback: 1e6, above: 0 })
  return {
    name: 'inflated-samples',
    describe: 'says that its gradient is of factor (1e6) times as many samples as it is',
    holds:
      'a count above what a round can have is refused as malformed; weights are of shards, and not of what a peer says',
    level: 'protocol',
    knows: ['own'],
    // its own runtime would refuse such a count, so it is said beside it
    arm: (context) =>
      speaking(context, (message) => [
        restated(message, context.self, ({ samples }) => ({
          samples: Math.min(MOST_SAMPLES, Math.ceil(samples * factor))
        }))
      ])
  }
}
