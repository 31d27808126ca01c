import { layoutLength, type ControlMessage, type Proposal, type WireAttack } from '@peergrad/core'
import { checkNames, choiceOption, type PluginOptions } from '../../plugin-options.js'
import { ManifestBoard } from '../disguise/manifest-board.js'
import { Forgeries, speaking, victimsOf, type Speech } from './speaking.js'

const CLAIMS = ['outcome', 'alone', 'invented', 'without', 'stranger'] as const
/** Nobody has this name. */
const STRANGER = 'Usurper1111111111'

type Propose = Extract<ControlMessage, { kind: 'propose' }>

/**
 * Takes the agreement over: it gives its own contribution late, leads a ballot in the meantime, and proposes there what suits it.
 *
 * @param options claim: `outcome` (a vector of its own, as one that a majority accepted before), `alone` (a round of its
 * contribution only), `invented` (contributions of all, before they say what they give), `without` (a next view without the first victim) or `stranger` (a next view with a peer that nobody met)
 */
export function usurper(options: PluginOptions): WireAttack {
  checkNames('usurper', options, ['claim'])
  const claim = choiceOption('usurper', options, 'claim', CLAIMS)
  return {
    name: 'usurper',
    describe: 'leads a ballot of its own in each round, and proposes an outcome, contributors or a view of its choice',
    holds:
      'members accept what they would propose themselves, or what enough of them promised that it may be decided: the round is made without its lie',
    level: 'protocol',
    knows: ['topology'],
    arm(context) {
      const board = new ManifestBoard()
      const forgeries = new Forgeries()
      const spoken = speaking(context, async (message, speech) => {
        if (message.kind !== 'manifest') return [message]
        const { round, manifest } = speech
        const others = claim === 'invented' ? [] : victimsOf(context, speech)
        const given = await board.collect(round, others, manifest.deadline / 2)
        const { run, digest, words, length, samples, loss } = message
        const { members } = round.view
        const ballot = round.rank === 0 ? members.length : round.rank
        const own = { peer: context.self, round: round.round, digest, words, length, samples, loss }
        const proposal: Proposal = {
          contributions: claim === 'alone' ? [own] : [...given, own],
          members: [...members],
          retired: [],
          evidence: [],
          finish: false
        }
        const propose: Propose = { kind: 'propose', run, round: round.round, ballot, proposal, outcome: null }
        return [{ kind: 'prepare', run, round: round.round, ballot }, await lie(propose, speech), message]
      })
      const lie = async (propose: Propose, speech: Speech): Promise<Propose> => {
        const { proposal } = propose
        if (claim === 'outcome') {
          const length = layoutLength(speech.round.engine.layout)
          return { ...propose, outcome: await forgeries.digest(speech, length, (vector) => void vector.fill(100)) }
        }
        if (claim === 'invented') {
          const [own] = proposal.contributions
          const digest = await forgeries.digest(speech, own.words, (vector) => void vector.fill(100))
          const contributions = proposal.members.map((peer) => ({ ...own, peer, digest }))
          return { ...propose, proposal: { ...proposal, contributions } }
        }
        const [victim] = victimsOf(context, speech)
        if (claim === 'without')
          return { ...propose, proposal: { ...proposal, members: proposal.members.filter((peer) => peer !== victim) } }
        if (claim === 'stranger')
          return { ...propose, proposal: { ...proposal, members: [...proposal.members, STRANGER] } }
        return propose
      }
      return {
        ...spoken,
        mesh(mesh) {
          board.read(mesh)
          return spoken.mesh?.(mesh) ?? mesh
        }
      }
    }
  }
}
