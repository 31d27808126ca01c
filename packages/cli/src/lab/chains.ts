const NONE = 'none'

/** `clipping:c=2+nnm` is two pre-aggregators, one after the other, and `none` is none. The + of 1e+5 joins nothing. */
export function chainOf(text: string): string[] {
  return text === NONE ? [] : text.split(/(?<!\de)\+/i).map((each) => each.trim())
}

/**
 * The chains that a grid file says. A text is one, in the notation of the flag, and a list of names is one too; a list in
 * which there are lists, or what only the flag has (`none`, or a +), is several.
 */
export function chainsOf(raw: unknown): readonly unknown[] {
  if (!Array.isArray(raw)) return [chain(raw)]
  const values: readonly unknown[] = raw
  const several = values.some((value) => {
    const one = chain(value)
    return Array.isArray(value) || (Array.isArray(one) && one.length !== 1)
  })
  return several ? values.map(chain) : [values]
}

function chain(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 && value[0] === NONE ? [] : value
  return typeof value === 'string' ? chainOf(value) : value
}
