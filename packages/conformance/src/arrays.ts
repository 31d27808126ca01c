import assert from 'node:assert/strict'

/** The bits of each float: what `===` cannot tell apart, −0 and 0, or NaN and NaN, this can. */
export function bits(vector: Float32Array): number[] {
  return [...new Uint32Array(vector.slice().buffer)]
}

/** Other rows of the same shape. */
export function opposite(rows: readonly (readonly number[])[]): number[][] {
  return rows.map((row) => row.map((value) => 1 - value / 2))
}

/** Fails at the first difference, and says which. */
export function assertSame(got: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(got.length, expected.length, `${what}: got ${got.length} values, expected ${expected.length}`)
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i], expected[i])) assert.fail(`${what}: got ${got[i]} at ${i}, expected ${expected[i]}`)
  }
}

/** Fails unless it reads as the name of a plug-in and says what it is. */
export function assertNamed({ name, describe }: { readonly name: string; readonly describe?: string }): void {
  assert.match(name, /^[a-z][a-z0-9-]*$/, `got the name "${name}", expected lower-case letters, digits and dashes`)
  if (describe === undefined) return
  assert.ok(describe.length > 10, `got "${describe}" to describe it, expected a sentence for --help`)
}
