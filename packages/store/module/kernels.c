#include "kernels.h"

#include <math.h>
#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

KERNEL void kernel_add(float *restrict y, const float *restrict x, size_t length) {
  for (size_t i = 0; i < length; i++) y[i] += x[i];
}

/** A float at any address. */
typedef float loose_float __attribute__((aligned(1), may_alias));

KERNEL static void add_loose(float *restrict y, const loose_float *restrict x, size_t length) {
  for (size_t i = 0; i < length; i++) y[i] += x[i];
}

void kernel_add_blob(float *y, const char *bytes, size_t length) { add_loose(y, (const loose_float *)bytes, length); }

KERNEL void kernel_sum2(float *restrict out, const float *restrict x, const float *restrict y, size_t length) {
  for (size_t i = 0; i < length; i++) out[i] = x[i] + y[i];
}

KERNEL void kernel_divide(float *y, float n, size_t length) {
  for (size_t i = 0; i < length; i++) y[i] /= n;
}

KERNEL static void scaled(float *restrict out, const float *restrict x, float c, size_t length) {
  for (size_t i = 0; i < length; i++) out[i] = c * x[i];
}

KERNEL static void add_scaled(float *restrict out, const float *restrict x, float c, size_t length) {
  for (size_t i = 0; i < length; i++) out[i] += c * x[i];
}

/** out = a + b + c + d: inputs taken four at a time pass through the memory at twice the speed of one at a time. */
KERNEL static void sum4(float *restrict out, const float *const x[4], size_t at, size_t length) {
  const float *restrict a = x[0] + at, *restrict b = x[1] + at, *restrict c = x[2] + at, *restrict d = x[3] + at;
  for (size_t i = 0; i < length; i++) out[i] = a[i] + b[i] + c[i] + d[i];
}

KERNEL static void add4(float *restrict out, const float *const x[4], size_t at, size_t length) {
  const float *restrict a = x[0] + at, *restrict b = x[1] + at, *restrict c = x[2] + at, *restrict d = x[3] + at;
  for (size_t i = 0; i < length; i++) out[i] = out[i] + a[i] + b[i] + c[i] + d[i];
}

/** Where float32 sums overflowed, once more in float64; without weights they are 1. */
static void mend(float *out, const float *const *inputs, const float *weights, size_t n, size_t start, size_t count) {
  size_t i = kernel_first_non_finite(out + start, count);
  if (i == count) return;
  double total = 0;
  for (size_t k = 0; k < n; k++) total += weights == NULL ? 1 : (double)weights[k];
  for (; i < count; i++) {
    if (isfinite(out[start + i])) continue;
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (weights == NULL ? 1 : (double)weights[k]) * (double)inputs[k][start + i];
    out[start + i] = (float)(sum / total);
  }
}

void kernel_mean(float *out, const float *const *inputs, size_t n, size_t length) {
  for (size_t start = 0; start < length; start += KERNEL_BLOCK) {
    size_t count = smaller(KERNEL_BLOCK, length - start);
    size_t k = n < 4 ? 1 : 4;
    if (n < 4) memcpy(out + start, inputs[0] + start, count * sizeof(float));
    else sum4(out + start, inputs, start, count);
    for (; k + 4 <= n; k += 4) add4(out + start, inputs + k, start, count);
    for (; k < n; k++) kernel_add(out + start, inputs[k] + start, count);
    kernel_divide(out + start, (float)n, count);
    mend(out, inputs, NULL, n, start, count);
  }
}

void kernel_weighted_mean(float *out, const float *const *inputs, const float *coefficients, size_t n, size_t length) {
  for (size_t start = 0; start < length; start += KERNEL_BLOCK) {
    size_t count = smaller(KERNEL_BLOCK, length - start);
    scaled(out + start, inputs[0] + start, coefficients[0], count);
    for (size_t k = 1; k < n; k++) add_scaled(out + start, inputs[k] + start, coefficients[k], count);
    mend(out, inputs, coefficients, n, start, count);
  }
}

KERNEL static void add_wide(double *restrict sum, const float *restrict x, double weight, size_t length) {
  for (size_t i = 0; i < length; i++) sum[i] += weight * (double)x[i];
}

KERNEL static void divide_wide(float *restrict out, const double *restrict sum, double total, size_t length) {
  for (size_t i = 0; i < length; i++) out[i] = (float)(sum[i] / total);
}

void kernel_average(float *out, const float *const *inputs, const double *weights, size_t n, size_t length) {
  double sum[KERNEL_BLOCK], total = 0;
  for (size_t k = 0; k < n; k++) total += weights[k];
  for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
    size_t count = smaller(KERNEL_BLOCK, length - at);
    for (size_t i = 0; i < count; i++) sum[i] = -0.0;
    for (size_t k = 0; k < n; k++)
      if (weights[k] != 0) add_wide(sum, inputs[k] + at, weights[k], count);
    divide_wide(out + at, sum, total, count);
  }
}

KERNEL double kernel_squared_norm(const float *x, size_t length) {
  double s[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= length; i += 4)
    for (size_t lane = 0; lane < 4; lane++) s[lane] += (double)x[i + lane] * (double)x[i + lane];
  for (; i < length; i++) s[i & 3] += (double)x[i] * (double)x[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

KERNEL double kernel_squared_distance(const float *x, const float *y, size_t length) {
  double s[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= length; i += 4)
    for (size_t lane = 0; lane < 4; lane++) {
      double difference = (double)x[i + lane] - (double)y[i + lane];
      s[lane] += difference * difference;
    }
  for (; i < length; i++) {
    double difference = (double)x[i] - (double)y[i];
    s[i & 3] += difference * difference;
  }
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/** 1 when the block holds an exponent of all ones; without a branch, so it is a vector loop. */
KERNEL static uint32_t any_non_finite(const float *x, size_t length) {
  uint32_t any = 0;
  for (size_t i = 0; i < length; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    any |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return any;
}

size_t kernel_first_non_finite(const float *x, size_t length) {
  for (size_t start = 0; start < length; start += KERNEL_BLOCK) {
    size_t count = smaller(KERNEL_BLOCK, length - start);
    if (!any_non_finite(x + start, count)) continue;
    for (size_t i = start;; i++)
      if (!isfinite(x[i])) return i;
  }
  return length;
}

KERNEL void kernel_sgd(float *restrict out, const float *restrict p, const float *restrict g, SgdCoefficients c,
                       size_t length) {
  for (size_t i = 0; i < length; i++) {
    float d = g[i] + c.lambda * p[i];
    out[i] = p[i] - c.alpha * d;
  }
}

KERNEL static void momentum_block(float *restrict out, float *restrict outVelocity, const float *restrict p,
                                  const float *restrict velocity, const float *restrict g, MomentumCoefficients c,
                                  size_t length) {
  for (size_t i = 0; i < length; i++) {
    float d = g[i] + c.lambda * p[i];
    float v = c.mu * velocity[i] + d;
    float u = c.nesterov ? d + c.mu * v : v;
    outVelocity[i] = v;
    out[i] = p[i] - c.alpha * u;
  }
}

KERNEL static void adam_block(float *restrict out, float *restrict outFirst, float *restrict outSecond,
                              const float *restrict p, const float *restrict first, const float *restrict second,
                              const float *restrict g, AdamCoefficients c, size_t length) {
  for (size_t i = 0; i < length; i++) {
    float d = g[i] + c.lambda * p[i];
    float m = c.beta1 * first[i] + c.gamma1 * d;
    float v = c.beta2 * second[i] + c.gamma2 * (d * d);
    float denominator = sqrtf(v) / c.sigma + c.epsilon;
    outFirst[i] = m;
    outSecond[i] = v;
    out[i] = c.kappa * p[i] - (c.alpha * m) / denominator;
  }
}

static const float ZEROS[KERNEL_BLOCK];

void kernel_momentum(float *out, float *outVelocity, const float *p, const float *velocity, const float *g,
                     MomentumCoefficients c, size_t length) {
  for (size_t at = 0; at < length; at += KERNEL_BLOCK)
    momentum_block(out + at, outVelocity + at, p + at, velocity ? velocity + at : ZEROS, g + at, c,
                   smaller(KERNEL_BLOCK, length - at));
}

void kernel_adam(float *out, float *outFirst, float *outSecond, const float *p, const float *first, const float *second,
                 const float *g, AdamCoefficients c, size_t length) {
  for (size_t at = 0; at < length; at += KERNEL_BLOCK)
    adam_block(out + at, outFirst + at, outSecond + at, p + at, first ? first + at : ZEROS,
               second ? second + at : ZEROS, g + at, c, smaller(KERNEL_BLOCK, length - at));
}
