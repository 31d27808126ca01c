import type { ControlMessage, WireAttack } from '@peergrad/core'
import { checkNames, integerOption, type PluginOptions } from '../../plugin-options.js'
import { Forgeries, speaking, victimsOf } from './speaking.js'

/** A digest that nothing has. */
const NOTHING = 'f'.repeat(64)
/** Messages that are kept to be said again. */
const MOST = 64

/** Two contradictory signed manifests for one round. */
export function equivocation(options: PluginOptions): WireAttack {
  checkNames('equivocation', options, [])
  return {
    name: 'equivocation',
    describe: 'announces two different contributions to one round, and serves both',
    holds:
      'at most one of both is in the round, the same at every peer, and the two signed manifests are kept as a proof',
    level: 'protocol',
    knows: [],
    arm(context) {
      const forgeries = new Forgeries()
      return speaking(context, async (message, speech) => {
        if (message.kind !== 'manifest') return [message]
        const digest = await forgeries.digest(speech, message.words, (vector) => void vector.fill(1))
        return [message, { ...message, digest }]
      })
    }
  }
}

/** A manifest that says to be of somebody else. */
export function impersonation(options: PluginOptions): WireAttack {
  checkNames('impersonation', options, [])
  return {
    name: 'impersonation',
    describe: "announces contributions in other peers' names beside its own",
    holds: 'a manifest is its signer’s whatever name stands in it: the victims’ own contributions are in the round',
    level: 'protocol',
    knows: ['topology'],
    arm: (context) =>
      speaking(context, (message, speech) => {
        if (message.kind !== 'manifest') return [message]
        const forged = victimsOf(context, speech).map((peer) => ({ ...message, digest: NOTHING, peer }))
        return [message, ...forged]
      })
  }
}

/** Says that it is ready more than once, and for more than one outcome. */
export function doubleReady(options: PluginOptions): WireAttack {
  checkNames('double-ready', options, [])
  return {
    name: 'double-ready',
    describe: 'accepts the outcome of a round twice, and another outcome too',
    holds: 'a peer counts once in a majority: the round ends with what the others made, neither early nor stuck',
    level: 'protocol',
    knows: [],
    arm: (context) =>
      speaking(context, (message) =>
        message.kind === 'accept' ? [message, message, { ...message, outcome: NOTHING }] : [message]
      )
  }
}

/** Suspects who is there. */
export function falseSuspicion(options: PluginOptions): WireAttack {
  checkNames('false-suspicion', options, [])
  return {
    name: 'false-suspicion',
    describe: 'tells everybody in each round that it suspects all honest peers, or the targets',
    holds: 'no honest peer is lost while those that suspect it are no majority of the view',
    level: 'protocol',
    knows: ['topology'],
    arm(context) {
      let number = 2 ** 30
      return speaking(context, (message, speech) => {
        if (message.kind !== 'manifest') return [message]
        const { run } = message
        return [message, { kind: 'suspicions', run, number: ++number, peers: victimsOf(context, speech) }]
      })
    }
  }
}

/**
 * What it said in earlier rounds, said again under a fresh signature.
 *
 * @param options rounds: how many are said again (3)
 */
export function replay(options: PluginOptions): WireAttack {
  checkNames('replay', options, ['rounds'])
  const rounds = integerOption('replay', options, 'rounds', { fallback: 3, min: 1, max: 100 })
  return {
    name: 'replay',
    describe: 'says again what it said in the last rounds (3) with each contribution',
    holds: 'what is over stays as it was decided, and no vector of an old round is in a new one',
    level: 'protocol',
    knows: [],
    arm(context) {
      const said: Extract<ControlMessage, { round: number }>[] = []
      return speaking(context, (message, { round }) => {
        if (!('round' in message)) return [message]
        while (said.length > MOST || (said.length > 0 && said[0].round < round.round - rounds)) said.shift()
        const old = said.filter((each) => each.round < round.round)
        said.push(message)
        return message.kind === 'manifest' ? [message, ...old] : [message]
      })
    }
  }
}
