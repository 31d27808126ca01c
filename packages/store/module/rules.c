#include "rules.h"

#include "kernels.h"
#include "redis.h"

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

static void krum(float *out, const float *const *inputs, size_t n, size_t f, size_t m, size_t length) {
  double *distances = RedisModule_Alloc((n * n + 2 * n) * sizeof(double));
  double *scores = distances + n * n, *order = scores + n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      distances[i * n + j] = distances[j * n + i] = kernel_squared_distance(inputs[i], inputs[j], length);
  krum_scores(scores, distances, order, n, f);

  memcpy(order, scores, n * sizeof *order);
  qsort(order, n, sizeof *order, ascending);
  /* those below the m-th score are all chosen, those equal to it from the lowest index on */
  double last = order[m - 1];
  size_t equals = 0;
  for (size_t k = 0; k < m; k++) equals += order[k] == last;
  double *weights = distances;
  for (size_t i = 0; i < n; i++) {
    weights[i] = scores[i] < last || (scores[i] == last && equals > 0);
    if (scores[i] == last && equals > 0) equals--;
  }
  kernel_average(out, inputs, weights, n, length);
  RedisModule_Free(distances);
}

void rule_apply(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length) {
  switch (rule->name) {
    case RULE_MEAN: kernel_mean(out, inputs, n, length); break;
    case RULE_WEIGHTED: kernel_weighted_mean(out, inputs, rule->weights, n, length); break;
    case RULE_MEDIAN: kernel_median(out, inputs, n, length); break;
    case RULE_TRIMMED: kernel_trimmed(out, inputs, n, rule->f, length); break;
    case RULE_MEAMED: kernel_meamed(out, inputs, n, rule->f, length); break;
    case RULE_KRUM: krum(out, inputs, n, rule->f, 1, length); break;
    case RULE_MULTIKRUM: krum(out, inputs, n, rule->f, rule->m, length); break;
    case RULE_CLIP: rule_clip(rule, out, inputs, n, length); break;
  }
}
