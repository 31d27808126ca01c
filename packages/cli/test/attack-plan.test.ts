import { describe, expect, it } from 'vitest'
import { attackPlan } from '../src/attack/plan.js'

describe('what the flags of a hostile peer say', () => {
  it('none of them: an honest peer', async () => {
    expect(await attackPlan({ attack: undefined })).toBeUndefined()
  })

  it('an attack with options, when, against whom, and with whom', async () => {
    const plan = await attackPlan({
      attack: 'sign-flip:factor=3',
      'attack-schedule': 'start=10,stop=50,every=2,targets=one+two',
      accomplices: 'three,four'
    })
    expect(plan).toMatchObject({
      attack: { name: 'sign-flip', level: 'gradient' },
      schedule: { start: 10, stop: 50, every: 2, targets: ['one', 'two'] },
      accomplices: ['three', 'four']
    })
  })

  it('without a schedule it plays always and against everybody; attacks below the mesh are known too', async () => {
    const plan = await attackPlan({ attack: 'slow-stream' })
    expect(plan).toMatchObject({ schedule: { start: 0, stop: Infinity, every: 1, targets: [] }, accomplices: [] })
  })

  it.each([
    [{ attack: 'sing-flip' }, 'did you mean "sign-flip"'],
    [{ attack: 'zero', 'attack-schedule': 'begin=3' }, 'got "begin"'],
    [{ attack: 'zero', 'attack-schedule': 'every=0' }, 'every ≥ 1'],
    [{ attack: 'label-flip', 'attack-schedule': 'start=3' }, 'from the first round to the last'],
    [{ accomplices: 'one' }, 'got no --attack']
  ])('%j is refused', async (flags, message) => {
    await expect(attackPlan(flags)).rejects.toThrow(message)
  })
})
