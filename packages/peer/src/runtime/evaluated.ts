import type { EvaluationResult } from '@peergrad/core'
import type { EventBody } from './journal.js'

/** The event of an evaluation. A model that broke down has a loss that JSON has no number for. */
export function evaluated(
  { accuracy, loss, samples }: EvaluationResult,
  of: { readonly round: number; readonly last?: true }
): EventBody {
  return { type: 'evaluated', ...of, accuracy, loss: Number.isFinite(loss) ? loss : null, samples }
}
