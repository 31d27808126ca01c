/* Byzantine-robust rules over n vectors of one length, all finite. */
#ifndef PEERGRAD_RULES_H
#define PEERGRAD_RULES_H

#include <stddef.h>

typedef enum RuleName { RULE_MEAN, RULE_MEDIAN, RULE_TRIMMED, RULE_MEAMED, RULE_KRUM, RULE_MULTIKRUM, RULE_CLIP } RuleName;

typedef struct Rule {
  RuleName name;
  /** inputs that may be hostile */
  size_t f;
  /** inputs that Multi-Krum averages */
  size_t m;
  /** radius and steps of centered clipping */
  double tau;
  size_t iterations;
} Rule;

/**
 * - MEAN, MEDIAN, TRIMMED, MEAMED: see kernels.h.
 * - KRUM, MULTIKRUM (Blanchard and others, NeurIPS 2017): score of an input = sum, in ascending order, of its n − f − 2
 *   smallest squared distances to the others (float64); the mean, in float64 and index order, of the m inputs of the lowest
 *   scores, of equals the lower index. Krum has m = 1. n ≥ f + 3.
 * - CLIP (Karimireddy and others, ICML 2021), from v = 0, `iterations` times: s_i = min(1, τ/‖x_i − v‖), the norm in
 *   float64 (kernels.squaredDistance), s_i rounded to float32; then in float32, each operation rounded:
 *   v = v + ((x_0 − v)·s_0 + (x_1 − v)·s_1 + …) / n.
 */
void rule_apply(const Rule *rule, float *out, const float *const *inputs, size_t n, size_t length);

#endif
