import { PeergradError, type ErrorCode } from '@peergrad/core'
import { describe, expect, test } from 'vitest'
import { isPlanned } from '../../src/lab/cells.js'
import { checkMeaning } from '../../src/lab/meaning.js'
import { planGrid } from '../fixtures/attacked.js'

const MINE = `${import.meta.dirname}/../../../../examples/trimmed.mjs`

const planOf = async (aggregator: string) => {
  const [cell] = (await planGrid({ aggregator, attack: 'sign-flip', byzantine: 1 })).filter(isPlanned)
  return cell!.plan
}

describe('what ended an honest peer', () => {
  test.each<ErrorCode>(['non-finite', 'quorum', 'conflict', 'timeout', 'refused', 'corrupt'])(
    'is what the run came to: %s',
    async (code) => {
      const plan = await planOf('median')
      expect(() => checkMeaning({ ended: new PeergradError(code, 'ended'), hostile: [] }, plan)).not.toThrow()
    }
  )

  test.each<ErrorCode>(['full', 'crashed', 'internal', 'argument', 'unsupported'])(
    'says nothing of the defence where it was this machine or a mistake of ours: %s',
    async (code) => {
      const plan = await planOf('median')
      const ended = new PeergradError(code, 'ended')
      expect(() => checkMeaning({ ended, hostile: [] }, plan)).toThrow(ended)
    }
  )

  test('is what the run came to where it was a rule of the user’s, and a mistake where all are ours', async () => {
    const ended = new PeergradError('internal', 'aggregator threw', { plugin: 'aggregator' })
    const [users, ours] = [await planOf(MINE), await planOf('median')]
    expect(() => checkMeaning({ ended, hostile: [] }, users)).not.toThrow()
    expect(() => checkMeaning({ ended, hostile: [] }, ours)).toThrow(ended)
  })
})

test('a hostile peer that was shut out, or ended with the run, has played, and one that broke has not', async () => {
  const plan = await planOf('median')
  const played =
    (code: ErrorCode, data = {}, ended?: PeergradError) =>
    () =>
      checkMeaning({ ended, hostile: [new PeergradError(code, 'why', data)] }, plan)
  for (const code of ['refused', 'aborted', 'crashed', 'quorum', 'missing'] as const) expect(played(code)).not.toThrow()
  const diverged = new PeergradError('non-finite', 'the training diverged')
  expect(played('non-finite', {}, diverged)).not.toThrow()
  expect(played('timeout', { plugin: 'attack sign-flip' }, diverged)).toThrow('why')
  for (const code of ['non-finite', 'internal', 'full'] as const)
    expect(played(code)).toThrow('attack sign-flip: its peer did not play to the end: why')
})
