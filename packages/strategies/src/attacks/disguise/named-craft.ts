import { PeergradError, pluginError, Untouched, type GradientAttack } from '@peergrad/core'

/** The attack's `craft`; what it throws names it, and so does what it writes into the vectors of others. */
export function namedCraft(attack: GradientAttack): GradientAttack['craft'] {
  const who = `attack ${attack.name}`
  return async (input) => {
    const { honest, own, last } = input
    const inputs = new Untouched([...honest, own, ...(last === undefined ? [] : [last])])
    try {
      await attack.craft(input)
    } catch (thrown) {
      throw crafted(who, thrown)
    }
    inputs.check(who)
  }
}

/** What was thrown while it crafted; what it says itself names it too, but not what the attacked rule says. */
function crafted(who: string, thrown: unknown): PeergradError {
  const error = pluginError(who, thrown)
  const { plugin, rule } = error.data
  if (error.code !== 'argument' || plugin !== undefined || rule !== undefined) return error
  return new PeergradError(error.code, `${who}: ${error.message}`, { ...error.data, plugin: who }, { cause: error })
}
