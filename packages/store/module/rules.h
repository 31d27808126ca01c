/* Byzantine-robust rules over n vectors of one length, all finite. */
#ifndef PEERGRAD_RULES_H
#define PEERGRAD_RULES_H

#include <stddef.h>

typedef enum RuleName {
  RULE_MEAN,
  RULE_WEIGHTED,
  RULE_MEDIAN,
  RULE_TRIMMED,
  RULE_MEAMED,
  RULE_KRUM,
  RULE_MULTIKRUM,
  RULE_CLIP
} RuleName;

typedef struct Rule {
  RuleName name;
  /** inputs that may be hostile */
  size_t f;
  /** inputs that Multi-Krum averages */
  size_t m;
  /** radius and steps of centered clipping, and whether it starts from the median or from zero */
  double tau;
  size_t iterations;
  int fromMedian;
  /** for CLIP, of the vectors' length: it holds v_0 */
  float *scratch;
  /** coefficients of a weighted mean, of sum about 1 */
  const float *weights;
} Rule;

/**
 * - MEAN, WEIGHTED, MEDIAN, TRIMMED, MEAMED: see kernels.h.
 * - KRUM, MULTIKRUM (Blanchard and others, NeurIPS 2017): score of an input = sum, in ascending order, of its n − f − 2
 *   smallest squared distances to the others (float64); the mean, in float64 and index order, of the m inputs of the lowest
 *   scores, of equals the lower index. Krum has m = 1. n ≥ f + 3.
 * - CLIP (Karimireddy and others, ICML 2021, algorithm 2), from v = v_0, the median or zero: s_i = min(1, τ/‖x_i − v‖), the
 *   norm the root of kernels.squaredDistance, and v = v + Σ (x_i − v)·s_i / n, `iterations` times. All in float64: v is a sum
 *   Σ c_i·x_i + c·v_0, and each time the coefficients are what changes; v is kernels.average by them.
 */
void rule_apply(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length);
void rule_clip(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length);

#endif
