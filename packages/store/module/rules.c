#include "rules.h"

#include "kernels.h"
#include "redis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/** scores[i] from the n × n squared distances; `row` is scratch of n. */
static void krum_scores(double *scores, const double *distances, double *row, size_t n, size_t f) {
  for (size_t i = 0; i < n; i++) {
    size_t others = 0;
    for (size_t j = 0; j < n; j++)
      if (j != i) row[others++] = distances[i * n + j];
    qsort(row, others, sizeof *row, ascending);
    scores[i] = 0;
    for (size_t k = 0; k < n - f - 2; k++) scores[i] += row[k];
  }
}

KERNEL static void add_wide(double *restrict sum, const float *restrict x, size_t length) {
  for (size_t i = 0; i < length; i++) sum[i] += (double)x[i];
}

/** In float64, rounded once: the sum of finite inputs does not overflow. */
static void mean_of(float *out, const float *const *inputs, size_t n, size_t length) {
  double sum[KERNEL_BLOCK];
  for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
    size_t count = length - at < KERNEL_BLOCK ? length - at : KERNEL_BLOCK;
    for (size_t i = 0; i < count; i++) sum[i] = -0.0;
    for (size_t k = 0; k < n; k++) add_wide(sum, inputs[k] + at, count);
    for (size_t i = 0; i < count; i++) out[at + i] = (float)(sum[i] / (double)n);
  }
}

static void krum(float *out, const float *const *inputs, size_t n, size_t f, size_t m, size_t length) {
  double *distances = RedisModule_Alloc((n * n + 2 * n) * sizeof(double));
  double *scores = distances + n * n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      distances[i * n + j] = distances[j * n + i] = kernel_squared_distance(inputs[i], inputs[j], length);
  krum_scores(scores, distances, scores + n, n, f);

  const float **chosen = RedisModule_Alloc(m * sizeof *chosen);
  double *order = scores + n;
  memcpy(order, scores, n * sizeof *order);
  qsort(order, n, sizeof *order, ascending);
  /* those below the m-th score are all chosen, those equal to it from the lowest index on */
  double last = order[m - 1];
  size_t equals = 0;
  for (size_t k = 0; k < m; k++) equals += order[k] == last;
  size_t count = 0;
  for (size_t i = 0; i < n && count < m; i++) {
    if (scores[i] > last || (scores[i] == last && equals == 0)) continue;
    if (scores[i] == last) equals--;
    chosen[count++] = inputs[i];
  }
  mean_of(out, chosen, m, length);
  RedisModule_Free(chosen);
  RedisModule_Free(distances);
}

KERNEL static void add_clipped(float *restrict sum, const float *restrict x, const float *restrict v, float s,
                               size_t length) {
  for (size_t i = 0; i < length; i++) sum[i] += (x[i] - v[i]) * s;
}

KERNEL static void first_clipped(float *restrict sum, const float *restrict x, const float *restrict v, float s,
                                 size_t length) {
  for (size_t i = 0; i < length; i++) sum[i] = (x[i] - v[i]) * s;
}

static void clip(float *v, const float *const *inputs, size_t n, double tau, size_t iterations, size_t length) {
  float *scales = RedisModule_Alloc(n * sizeof *scales);
  memset(v, 0, length * sizeof *v);
  for (size_t step = 0; step < iterations; step++) {
    for (size_t k = 0; k < n; k++) {
      double norm = sqrt(kernel_squared_distance(inputs[k], v, length));
      scales[k] = (float)(norm > tau ? tau / norm : 1);
    }
    float sum[KERNEL_BLOCK];
    for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
      size_t count = length - at < KERNEL_BLOCK ? length - at : KERNEL_BLOCK;
      first_clipped(sum, inputs[0] + at, v + at, scales[0], count);
      for (size_t k = 1; k < n; k++) add_clipped(sum, inputs[k] + at, v + at, scales[k], count);
      kernel_divide(sum, (float)n, count);
      kernel_add(v + at, sum, count);
    }
  }
  RedisModule_Free(scales);
}

void rule_apply(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length) {
  switch (rule->name) {
    case RULE_MEAN: kernel_mean(out, inputs, n, length); break;
    case RULE_MEDIAN: kernel_median(out, inputs, n, length); break;
    case RULE_TRIMMED: kernel_trimmed(out, inputs, n, rule->f, length); break;
    case RULE_MEAMED: kernel_meamed(out, inputs, n, rule->f, length); break;
    case RULE_KRUM: krum(out, inputs, n, rule->f, 1, length); break;
    case RULE_MULTIKRUM: krum(out, inputs, n, rule->f, rule->m, length); break;
    case RULE_CLIP: clip(out, inputs, n, rule->tau, rule->iterations, length); break;
  }
}
