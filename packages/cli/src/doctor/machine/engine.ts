import { suggestion, type Options } from '@peergrad/core'
import { engines, type Availability } from '@peergrad/engine'
import { findings, type Finding } from '../finding.js'

const { ok, fail } = findings('engine')

/** What would compute gradients, and what else could. */
export function engine(
  { engine: name }: Pick<Options, 'engine'>,
  all: readonly (Availability & { readonly name: string })[] = engines()
): Finding {
  const chosen = all.find((each) => (name === 'auto' ? each.available : each.name === name))
  const names = ['auto', ...all.map((each) => each.name)]
  if (chosen === undefined && name === 'auto') {
    return fail('no-engine', 'none of the engines can run here', 'see what `peergrad engines` says of each')
  }
  if (chosen === undefined) {
    const advice = `${suggestion(name, names)}take one of ${names.join(', ')}`
    return fail('no-engine', `--engine ${name}: there is no such engine`, advice)
  }
  if (!chosen.available) return fail('no-engine', `--engine ${name} cannot run here`, chosen.why)
  const absent = all.filter(({ available }) => !available).map((each) => each.name)
  const others =
    absent.length === 0 ? '' : `; not here, and not needed: ${absent.join(', ')} (\`peergrad engines\` says how)`
  return ok(`${chosen.name} ${chosen.version ?? ''}`.trim() + others, { engine: chosen.name, absent })
}
