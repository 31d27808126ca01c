import type { Clock, WireAttack } from '@peergrad/core'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../../plugin-options.js'
import { crafting } from '../disguise/crafting.js'
import { speaking } from './speaking.js'

const IN_TIME =
  'each round ends within its deadline and grace, without this peer where it is late; nobody honest is excluded'

/** Beats, and never says anything of a round. */
export function drop(options: PluginOptions): WireAttack {
  checkNames('drop', options, [])
  return {
    name: 'drop',
    describe: 'stays in the run and says nothing: no contribution, no vote',
    holds: IN_TIME,
    level: 'protocol',
    knows: [],
    arm: (context) => speaking(context, (message) => ('round' in message && message.kind !== 'leave' ? [] : [message]))
  }
}

/**
 * Says everything late.
 *
 * @param options share: of the round's deadline (0.9), above 1 for what comes when the round is over
 */
export function delay(options: PluginOptions): WireAttack {
  checkNames('delay', options, ['share'])
  const share = numberOption('delay', options, 'share', { fallback: 0.9, above: 0, max: 10 })
  return {
    name: 'delay',
    describe: 'announces its contribution after a share (0.9) of the round’s deadline',
    holds: IN_TIME,
    level: 'protocol',
    knows: [],
    arm: (context) =>
      speaking(context, async (message, { round, manifest }) => {
        if (message.kind === 'manifest') await wait(round.clock, share * manifest.deadline)
        return [message]
      })
  }
}

/**
 * Gives what it computed some rounds ago.
 *
 * @param options rounds: how long ago (5)
 */
export function stale(options: PluginOptions): WireAttack {
  checkNames('stale', options, ['rounds'])
  const rounds = integerOption('stale', options, 'rounds', { fallback: 5, min: 1, max: 1000 })
  return {
    name: 'stale',
    describe: 'gives the gradient that it computed rounds (5) ago in the place of this one',
    holds: 'the run converges: in a minority old gradients are noise along the way',
    level: 'protocol',
    knows: ['own'],
    arm(context) {
      const kept: Float32Array[] = []
      return crafting(
        {
          knows: ['own'],
          craft({ own, out }) {
            kept.push(Float32Array.from(own))
            out.set(kept.length > rounds ? (kept.shift() as Float32Array) : (kept[0] as Float32Array))
          }
        },
        context
      )
    }
  }
}

function wait(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve))
}
