// One fused pass each; the formulas are those of the contract, operation by operation. What is left of four is done one at a
// time. Each says whether all that it wrote is finite.
import { notFinite } from './lanes'

@inline
function decayed(g: v128, lambda: v128, p: v128): v128 {
  return f32x4.add(g, f32x4.mul(lambda, p))
}

export function sgd(out: usize, p: usize, g: usize, alpha: f32, lambda: f32, count: usize): bool {
  const alphas = f32x4.splat(alpha)
  const lambdas = f32x4.splat(lambda)
  const bytes = count << 2
  const whole = bytes & ~15
  let odd = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    const old = v128.load(p + i)
    const d = decayed(v128.load(g + i), lambdas, old)
    const next = f32x4.sub(old, f32x4.mul(alphas, d))
    v128.store(out + i, next)
    odd = v128.or(odd, notFinite(next))
  }
  let finite = !v128.any_true(odd)
  for (; i < bytes; i += 4) {
    const d = load<f32>(g + i) + lambda * load<f32>(p + i)
    const next = load<f32>(p + i) - alpha * d
    store<f32>(out + i, next)
    finite = finite && isFinite<f32>(next)
  }
  return finite
}

export function momentum(
  out: usize, outV: usize, p: usize, v: usize, g: usize,
  alpha: f32, lambda: f32, mu: f32, nesterov: bool, count: usize
): bool {
  const alphas = f32x4.splat(alpha)
  const lambdas = f32x4.splat(lambda)
  const mus = f32x4.splat(mu)
  const bytes = count << 2
  const whole = bytes & ~15
  let odd = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    const old = v128.load(p + i)
    const d = decayed(v128.load(g + i), lambdas, old)
    const velocity = f32x4.add(f32x4.mul(mus, v128.load(v + i)), d)
    const u = nesterov ? f32x4.add(d, f32x4.mul(mus, velocity)) : velocity
    const next = f32x4.sub(old, f32x4.mul(alphas, u))
    v128.store(outV + i, velocity)
    v128.store(out + i, next)
    odd = v128.or(odd, v128.or(notFinite(velocity), notFinite(next)))
  }
  let finite = !v128.any_true(odd)
  for (; i < bytes; i += 4) {
    const old = load<f32>(p + i)
    const d = load<f32>(g + i) + lambda * old
    const velocity = mu * load<f32>(v + i) + d
    const u = nesterov ? d + mu * velocity : velocity
    const next = old - alpha * u
    store<f32>(outV + i, velocity)
    store<f32>(out + i, next)
    finite = finite && isFinite<f32>(velocity) && isFinite<f32>(next)
  }
  return finite
}

export function adam(
  out: usize, outM: usize, outV: usize, p: usize, m: usize, v: usize, g: usize,
  alpha: f32, lambda: f32, kappa: f32, beta1: f32, gamma1: f32, beta2: f32, gamma2: f32, sigma: f32, epsilon: f32,
  count: usize
): bool {
  const bytes = count << 2
  const whole = bytes & ~15
  let odd = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    const old = v128.load(p + i)
    const d = decayed(v128.load(g + i), f32x4.splat(lambda), old)
    const first = f32x4.add(f32x4.mul(f32x4.splat(beta1), v128.load(m + i)), f32x4.mul(f32x4.splat(gamma1), d))
    const square = f32x4.mul(f32x4.splat(gamma2), f32x4.mul(d, d))
    const second = f32x4.add(f32x4.mul(f32x4.splat(beta2), v128.load(v + i)), square)
    const denominator = f32x4.add(f32x4.div(f32x4.sqrt(second), f32x4.splat(sigma)), f32x4.splat(epsilon))
    const change = f32x4.div(f32x4.mul(f32x4.splat(alpha), first), denominator)
    const next = f32x4.sub(f32x4.mul(f32x4.splat(kappa), old), change)
    v128.store(outM + i, first)
    v128.store(outV + i, second)
    v128.store(out + i, next)
    odd = v128.or(v128.or(odd, notFinite(first)), v128.or(notFinite(second), notFinite(next)))
  }
  let finite = !v128.any_true(odd)
  for (; i < bytes; i += 4) {
    const old = load<f32>(p + i)
    const d = load<f32>(g + i) + lambda * old
    const first = beta1 * load<f32>(m + i) + gamma1 * d
    const second = beta2 * load<f32>(v + i) + gamma2 * (d * d)
    const denominator = sqrt<f32>(second) / sigma + epsilon
    const next = kappa * old - alpha * first / denominator
    store<f32>(outM + i, first)
    store<f32>(outV + i, second)
    store<f32>(out + i, next)
    finite = finite && isFinite<f32>(first) && isFinite<f32>(second) && isFinite<f32>(next)
  }
  return finite
}
