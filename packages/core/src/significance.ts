import type { FilterInput, Significance } from './contracts/filter.js'
import { PeergradError } from './errors.js'

/** sent ← what of `accumulated` passes the test, zeros elsewhere; with the bits of PEERGRAD.FILTER. */
export function significantPart(
  { of, threshold }: Significance,
  { accumulated, parameters, sent, kernels }: Pick<FilterInput, 'accumulated' | 'parameters' | 'sent' | 'kernels'>
): void {
  if (of === 'parameter') return kernels.above(sent, accumulated, threshold, parameters)
  const ratio = Math.sqrt(kernels.squaredNorm(accumulated)) / Math.sqrt(kernels.squaredNorm(parameters))
  if (ratio > threshold) kernels.copy(sent, accumulated)
  else kernels.fill(sent, 0)
}

/** Error `argument` names whose test it is, when nothing runs it. */
export function checkSignificance(who: string, test: Significance): void {
  const { of, threshold } = Object(test) as Partial<Significance>
  const known = of === 'parameter' || of === 'model'
  if (known && typeof threshold === 'number' && threshold >= 0 && Number.isFinite(Math.fround(threshold))) return
  const message = `${who}: got the test ${String(of)} with a threshold of ${threshold}, expected parameter or model, and a float32 from 0`
  throw new PeergradError('argument', message, { plugin: who })
}
