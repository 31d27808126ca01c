import { PeergradError } from './errors.js'

/**
 * Seeded random numbers, the same on every machine: xoshiro128** (Blackman and Vigna, 2018) on a state filled by
 * splitmix32. Integer arithmetic only, so a seed gives the same stream everywhere.
 */
export interface Random {
  /** 32 random bits as an unsigned integer */
  uint32(): number
  /** uniform in [0, 1) with 32 bits of it random */
  uniform(): number
  /** uniform integer in [0, bound) without bias; `argument` unless bound is a whole number from 1 to 2³² */
  below(bound: number): number
  /** standard normal (Marsaglia's polar method) */
  normal(): number
  /** Fisher–Yates, in place */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T
  /** an independent stream named by words and numbers, e.g. fork('epoch', 3, 'rank', 1) */
  fork(...name: (string | number)[]): Random
}

export function random(seed: number, ...name: (string | number)[]): Random {
  return stream(mix([seed, ...name]))
}

/** A 32-bit seed for a name under a seed: FNV-1a over the words, finished by an avalanche. */
export function seedOf(seed: number, ...name: (string | number)[]): number {
  return mix([seed, ...name])
}

function mix(words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5
  for (const character of words.map(String).join('\u0000')) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function stream(seed: number): Random {
  let splitmix = seed | 0
  const next = () => {
    splitmix = (splitmix + 0x9e3779b9) | 0
    let z = splitmix ^ (splitmix >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let a = next()
  let b = next()
  let c = next()
  let d = next()
  let spare: number | undefined

  const self: Random = {
    uint32() {
      const product = Math.imul(b, 5)
      const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
      const t = b << 9
      c ^= a
      d ^= b
      b ^= c
      a ^= d
      c ^= t
      d = (d << 11) | (d >>> 21)
      return result
    },
    uniform: () => self.uint32() / 0x1_0000_0000,
    below(bound) {
      if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
        throw new PeergradError('argument', `bound: got ${bound}, expected a whole number from 1 to 2³²`)
      }
      const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
      for (;;) {
        const value = self.uint32()
        if (value < limit) return value % bound
      }
    },
    normal() {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      for (;;) {
        const u = 2 * self.uniform() - 1
        const v = 2 * self.uniform() - 1
        const s = u * u + v * v
        if (s > 0 && s < 1) {
          const factor = Math.sqrt((-2 * Math.log(s)) / s)
          spare = v * factor
          return u * factor
        }
      }
    },
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i--) {
        const j = self.below(i + 1)
        const held = values[i]
        values[i] = values[j]
        values[j] = held
      }
      return values
    },
    fork: (...name) => stream(mix([seed, ...name]))
  }
  return self
}
