/* Centered clipping, as packages/strategies/src/rules/centered-clipping.ts has it. */
#include "kernels.h"
#include "redis.h"
#include "rules.h"

#include <math.h>
#include <string.h>

/** c = max(0, c·(1 − Σ shares)) + share: v moves to the inputs by their shares, min(1, τ/‖x_i − v‖) / n. */
static void move(double *coefficients, double *shares, const double *squares, size_t n, double tau) {
  double moved = 0;
  for (size_t i = 0; i < n; i++) {
    double part = tau / sqrt(squares[i]);
    shares[i] = (part < 1 ? part : 1) / (double)n;
    moved += shares[i];
  }
  for (size_t i = 0; i <= n; i++) {
    double left = coefficients[i] * (1 - moved);
    coefficients[i] = (left > 0 ? left : 0) + (i < n ? shares[i] : 0);
  }
}

static void distances(double *squares, const float *v, const float *const *inputs, size_t n, size_t length) {
  for (size_t i = 0; i < n; i++) squares[i] = kernel_squared_distance(v, inputs[i], length);
}

void rule_clip(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length) {
  float *start = rule->scratch;
  if (rule->fromMedian) kernel_median(start, inputs, n, length);
  else memset(start, 0, length * sizeof *start);

  const float **rows = RedisModule_Alloc((n + 1) * sizeof *rows);
  memcpy(rows, inputs, n * sizeof *rows);
  rows[n] = start;
  double *squares = RedisModule_Calloc(3 * n + 1, sizeof *squares);
  double *shares = squares + n, *coefficients = shares + n;
  coefficients[n] = 1;
  distances(squares, start, inputs, n, length);
  for (size_t left = rule->iterations; left > 0; left--) {
    move(coefficients, shares, squares, n, rule->tau);
    kernel_average(out, rows, coefficients, n + 1, length);
    if (left > 1) distances(squares, out, inputs, n, length);
  }
  RedisModule_Free(squares);
  RedisModule_Free(rows);
}
