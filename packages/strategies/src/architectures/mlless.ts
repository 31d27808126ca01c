import { PeergradError, type Strategy, type StrategyFactory } from '@peergrad/core'
import { booleanOption, checkNames, numberOption } from '../plugin-options.js'
import { everybodyReads, readAll } from './all-gather.js'
import { scaleIn } from './scale-in.js'
import { WORK, workOf } from './work.js'

/**
 * MLLess (Sanchez-Artigas and Gimenez Sarroca, Middleware 2021, doi 10.1145/3464298.3494884): everybody reads from everybody
 * what is significant of the updates (`--filter`, by default `significant`), in step. Its supervisor, which says whose updates
 * a step has, when the run ends and when it can do with fewer peers, is the coordinator of the round here: another peer is
 * when that one dies, where in the published code everything stops. What arrives is merged by the run's rule, where the
 * published code adds it up.
 *
 * @param options those of `workOf`; v: of the filter `significant`; own-steps: what is given is the step of the peer's own
 *   optimiser, as in the paper, and not the gradient, so that significance is of what momentum or Adam makes of it; true, but
 *   with v = 0, where nothing is held back and the run is the dense one to the bit; scale-in: let peers go when the loss hardly
 *   suffers, with tolerance 0.15, horizon 10 s and interval 20 s (section 5)
 */
export const mlless: StrategyFactory = (options): Strategy => {
  checkNames('mlless', options, [...WORK, 'own-steps', 'v', 'scale-in', 'tolerance', 'horizon', 'interval'])
  const v = options['v'] === undefined ? undefined : numberOption('mlless', options, 'v', { fallback: 0, min: 0 })
  const ownSteps = booleanOption('mlless', options, 'own-steps', v !== 0)
  const { give, ...work } = workOf('mlless', options, { ownSteps })
  const tolerance = numberOption('mlless', options, 'tolerance', { fallback: 0.15, min: 0 })
  const horizon = numberOption('mlless', options, 'horizon', { fallback: 10, above: 0 })
  const interval = numberOption('mlless', options, 'interval', { fallback: 20, above: 0 })
  const retire = booleanOption('mlless', options, 'scale-in', false) && scaleIn({ tolerance, horizon, interval })
  const idle = ['tolerance', 'horizon', 'interval'].find((name) => options[name] !== undefined)
  if (!retire && idle !== undefined) {
    throw new PeergradError(
      'argument',
      `mlless.${idle}: it is of scale-in, got it without; add scale-in=true or leave it out`
    )
  }
  return {
    name: 'mlless',
    describe: 'everybody reads what is significant of the updates of all others; a supervisor may let peers go',
    ...work,
    kind: 'exchange',
    filter: v === undefined ? 'significant' : `significant:v=${v}`,
    traffic: everybodyReads,
    refuses({ filter }) {
      if (v === undefined || filter?.name === 'significant') return undefined
      const got = `got the filter ${filter?.name ?? 'none'}`
      return `v=${v} is of the filter significant, ${got}; leave out v, or the filter`
    },
    ...(retire && { retire }),
    round: (context) => readAll(context, give)
  }
}
