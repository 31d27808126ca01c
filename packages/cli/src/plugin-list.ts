import { PeergradError } from '@peergrad/core'

/**
 * Splits a list of plug-ins at commas. A piece that reads `key=value` belongs to the plug-in before it, which has a
 * colon: `mlless:v=0.5,every=2,spirt` are two. Error `argument` for a list in which it does not; `word` is what messages
 * call it, and `each` what stands in it.
 */
export function splitPlugins(word: string, list: string, each = 'a name'): string[] {
  const texts: string[] = []
  for (const piece of list.split(',').map((text) => text.trim())) {
    const last = texts.at(-1)
    if (!/^[\w-]+=/.test(piece)) {
      if (piece === '') throw new PeergradError('argument', `${word}: got "${list}", expected ${each} at each comma`)
      texts.push(piece)
    } else if (last?.includes(':') === true) {
      texts[texts.length - 1] = `${last},${piece}`
    } else {
      const message = `${word}: got "${piece}" ${last === undefined ? 'first' : `behind "${last}"`}, expected options behind a colon: ${last ?? 'name'}:${piece}`
      throw new PeergradError('argument', message)
    }
  }
  return texts
}
