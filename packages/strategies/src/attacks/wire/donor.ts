import { controlAnswers, replace, type ControlAnswer, type PeerId, type WireAttack } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../../plugin-options.js'
import { Moment } from '../disguise/moment.js'
import { Forgeries, speaking, victimsOf, type Speech } from './speaking.js'

/** Gives another model to who asks for the state of the run. */
export function lyingDonor(options: PluginOptions): WireAttack {
  checkNames('lying-donor', options, [])
  return {
    name: 'lying-donor',
    describe: 'gives newcomers a model of its own making, with a digest that fits it, for the state of the run',
    holds:
      'a newcomer takes what most donors offer, compares its hash with the quorum’s, and heals when it was deceived',
    level: 'protocol',
    knows: [],
    arm({ schedule }) {
      const moment = new Moment(schedule)
      const forgeries = new Forgeries()
      const deceive = async (payload: Uint8Array, speech: Speech): Promise<Uint8Array> => {
        const answer = controlAnswers.decode(payload)
        if (answer.kind !== 'donation') return payload
        const [model, ...rest] = answer.vectors
        const digest = await forgeries.digest(speech, model.length, (vector) => void vector.fill(1))
        const lie: ControlAnswer = { ...answer, hash: digest, vectors: [{ ...model, digest }, ...rest] }
        return controlAnswers.encode(lie)
      }
      return {
        strategy: moment.follow,
        mesh: (mesh) =>
          replace(mesh, {
            on: (type, listener) =>
              mesh.on(type, (event) => {
                const { turn } = moment
                if (type !== 'request' || turn === undefined) return listener(event)
                const request = event as { respond(payload: Uint8Array): void }
                const respond = (payload: Uint8Array) =>
                  void deceive(payload, { mesh, ...turn })
                    .catch(() => payload)
                    .then((answer) => request.respond(answer))
                listener(replace(request, { respond }) as typeof event)
              })
          })
      }
    }
  }
}

/** Cuts a peer off from what it holds. */
export function eclipse(options: PluginOptions): WireAttack {
  checkNames('eclipse', options, [])
  return {
    name: 'eclipse',
    describe:
      'serves and answers nothing to one peer (the first of the targets, or of the view) and tells that it is gone',
    holds: 'the victim reads what it needs from other holders and stays a member while one honest peer reaches it',
    level: 'protocol',
    knows: ['topology'],
    arm(context) {
      let number = 2 ** 30
      // the honest half says who may read when the view changes, and the victim is known when a round begins
      let readers: readonly PeerId[] = []
      let admit = () => {}
      const moment = new Moment(context.schedule, () => admit())
      const victim = () => moment.turn && victimsOf(context, moment.turn)[0]
      const spoken = speaking(context, (message) => {
        const peer = victim()
        if (message.kind !== 'manifest' || peer === undefined) return [message]
        return [message, { kind: 'suspicions', run: message.run, number: ++number, peers: [peer] }]
      })
      return {
        strategy: (honest, manifest) => moment.follow(spoken.strategy?.(honest, manifest) ?? honest, manifest),
        mesh(mesh) {
          admit = () => {
            const eclipsed = victim()
            mesh.admit(readers.filter((peer) => peer !== eclipsed))
          }
          return replace(spoken.mesh?.(mesh) ?? mesh, {
            admit(peers) {
              readers = peers
              admit()
            },
            on: (type, listener) =>
              mesh.on(type, (event) => {
                if (type !== 'request' || (event as { from: PeerId }).from !== victim()) listener(event)
              })
          })
        }
      }
    }
  }
}
