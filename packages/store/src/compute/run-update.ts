import { optimiserStep } from '@peergrad/core'
import type { Jobs } from './jobs.js'
import { checkFinite } from './run-rule.js'
import type { JobContext } from './serve.js'

/** One optimiser step into new vectors; the buffers are those of the aggregated contribution. */
export async function update(request: Jobs['update']['request'], context: JobContext): Promise<void> {
  const { kernels, view } = context
  const { parameters, optimiser, step, learningRate } = request
  const [from, to, gradient] = [view(request.from), view(request.to), view(request.gradient.vector)]
  const outState = request.toState.map(view)
  const state = request.fromState.map((handle, k) => {
    if (handle !== undefined) return view(handle)
    kernels.fill(outState[k], 0)
    return outState[k]
  })
  const finite = optimiserStep(kernels, optimiser, {
    parameters: from.subarray(0, parameters),
    gradient: gradient.subarray(0, parameters),
    state,
    out: to.subarray(0, parameters),
    outState,
    step,
    learningRate
  })
  const buffers = gradient.subarray(parameters)
  kernels.copy(to.subarray(parameters), buffers)
  if (finite && kernels.firstNonFinite(buffers) < 0) return
  // no output is finite where the gradient is not, so only here it is to be looked at: it is named rather than the output
  checkFinite(gradient, context, `"${request.gradient.key}"`)
  for (const vector of [to, ...outState]) checkFinite(vector, context, 'the updated model or optimiser state')
}
