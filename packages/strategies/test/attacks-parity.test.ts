import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadPlugin, random, resolvePlugin, type GradientAttack } from '@peergrad/core'
import { attacks } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { byzflDefence } from './byzfl-defences.js'

interface Example {
  readonly name: string
  readonly kind: string
  readonly params: Readonly<Record<string, number>> & { readonly agg: string; readonly pre_agg_list: readonly string[] }
  readonly inputs: readonly (readonly number[])[]
  readonly output: readonly number[]
  readonly tolerance: number
}

/** Our names of ByzFL's attacks, with its parameters as options. */
const OURS: Record<string, (params: Example['params']) => string> = {
  SignFlipping: () => 'sign-flip',
  InnerProductManipulation: ({ tau }) => `ipm:tau=${tau}`,
  ALittleIsEnough: ({ tau }) => `alie:tau=${tau}`,
  Mimic: ({ epsilon }) => `mimic:epsilon=${epsilon}`,
  Optimal_InnerProductManipulation: (params) => `optimal-ipm:${searchOf(params)}`,
  Optimal_ALittleIsEnough: (params) => `optimal-alie:${searchOf(params)}`
}

function searchOf({ evals, start, delta, ratio, tau_found }: Example['params']): string {
  const search = `evals=${evals},start=${start},delta=${delta},ratio=${ratio}`
  return tau_found === undefined ? search : `${search},prefer=${tau_found}`
}

const file = join(import.meta.dirname, '..', '..', '..', 'test', 'compliance', 'fixtures', 'byzfl-parity.json')
const { examples } = JSON.parse(readFileSync(file, 'utf8')) as { examples: Example[] }
const ofAttacks = examples.filter(({ kind }) => kind === 'attack')

async function craft({ name, params, inputs }: Example): Promise<Float64Array> {
  const attack = (await loadPlugin('attack', resolvePlugin(attacks, OURS[name]!(params)))) as GradientAttack
  const honest = inputs.map((row) => Float64Array.from(row))
  const out = new Float64Array(honest[0]!.length)
  const { f = 1, c = 2, agg, pre_agg_list: before } = params
  const rule = agg === undefined ? undefined : byzflDefence(agg, before, { f, c })
  await attack.craft({
    own: honest[0]!,
    honest,
    out,
    random: random(1),
    round: 0,
    n: honest.length + f,
    f,
    ...(rule && { defence: async (candidate) => rule([...honest, ...Array(f).fill(Float64Array.from(candidate))]) })
  })
  return out
}

async function fits(example: Example): Promise<boolean> {
  const out = await craft(example)
  return example.output.every(
    (expected, i) => Math.abs(out[i]! - expected) <= example.tolerance * Math.max(1, Math.abs(expected))
  )
}

describe('the examples of ByzFL', () => {
  it.each(Object.keys(OURS))('%s: every one of them', async (name) => {
    const found = ofAttacks.filter((example) => example.name === name)
    expect(found.length).toBeGreaterThan(0)
    for (const example of found) expect(await fits(example), JSON.stringify(example.params)).toBe(true)
  })

  it('by the search alone too, but for those where a rule clips all that is far out alike', async () => {
    const others: string[] = []
    for (const example of ofAttacks) {
      const { tau_found: _found, ...params } = example.params
      if (!(await fits({ ...example, params: params as Example['params'] }))) others.push(params.pre_agg_list.join())
    }
    expect(others).toEqual(Array(7).fill('Clipping,NNM'))
  })

  it('are all of attacks that are known here', () => {
    expect(ofAttacks.filter(({ name }) => !(name in OURS))).toEqual([])
    expect(ofAttacks.length).toBe(122)
  })
})
