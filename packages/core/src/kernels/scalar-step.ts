import type { Kernels } from './kernels.js'

const { fround, sqrt } = Math
const { isFinite } = Number

export const scalarStep: Pick<Kernels, 'sgd' | 'momentum' | 'adam'> = {
  sgd(out, p, g, coefficients) {
    const alpha = fround(coefficients.learningRate)
    const lambda = fround(coefficients.weightDecay)
    let finite = true
    for (let i = 0; i < out.length; i++) {
      const d = fround(g[i] + fround(lambda * p[i]))
      out[i] = p[i] - fround(alpha * d)
      finite &&= isFinite(out[i])
    }
    return finite
  },
  momentum(out, from, g, coefficients) {
    const alpha = fround(coefficients.learningRate)
    const lambda = fround(coefficients.weightDecay)
    const mu = fround(coefficients.momentum)
    const p = from.parameters
    let finite = true
    for (let i = 0; i < p.length; i++) {
      const d = fround(g[i] + fround(lambda * p[i]))
      const v = fround(fround(mu * from.velocity[i]) + d)
      const u = coefficients.nesterov ? fround(d + fround(mu * v)) : v
      out.velocity[i] = v
      out.parameters[i] = p[i] - fround(alpha * u)
      finite &&= isFinite(v) && isFinite(out.parameters[i])
    }
    return finite
  },
  adam(out, from, g, coefficients) {
    const alpha = fround(coefficients.stepSize)
    const lambda = fround(coefficients.weightDecay)
    const kappa = fround(coefficients.shrink)
    const beta1 = fround(coefficients.beta1)
    const gamma1 = fround(coefficients.gamma1)
    const beta2 = fround(coefficients.beta2)
    const gamma2 = fround(coefficients.gamma2)
    const sigma = fround(coefficients.correction)
    const epsilon = fround(coefficients.epsilon)
    const p = from.parameters
    let finite = true
    for (let i = 0; i < p.length; i++) {
      const d = fround(g[i] + fround(lambda * p[i]))
      const m = fround(fround(beta1 * from.first[i]) + fround(gamma1 * d))
      const v = fround(fround(beta2 * from.second[i]) + fround(gamma2 * fround(d * d)))
      const denominator = fround(fround(fround(sqrt(v)) / sigma) + epsilon)
      out.first[i] = m
      out.second[i] = v
      out.parameters[i] = fround(kappa * p[i]) - fround(fround(alpha * m) / denominator)
      finite &&= isFinite(m) && isFinite(v) && isFinite(out.parameters[i])
    }
    return finite
  }
}
