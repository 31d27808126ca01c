/**
 * base^exponent for a whole exponent from 0, in float64 by squaring from the lowest bit up. Multiplications only, in
 * this order, so that C and every JavaScript engine give the same bits; Math.pow is not specified to the bit.
 */
export function power(base: number, exponent: number): number {
  let result = 1
  let square = base
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square
    square *= square
  }
  return result
}
