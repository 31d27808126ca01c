import { checkSignificance, type Filter, type Significance } from '@peergrad/core'

/** The test of a filter that is one that core and databases have. Error `argument` for one that nothing runs. */
export function significanceOf(
  filter: Filter,
  { step, learningRate }: { step: number; learningRate: number }
): Significance | undefined {
  const test = filter.significance?.({ step, learningRate })
  if (test !== undefined) checkSignificance(`filter ${filter.name}`, test)
  return test
}
