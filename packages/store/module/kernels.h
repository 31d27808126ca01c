/*
 * The arithmetic of packages/core/src/kernels/kernels.ts, bit for bit: every operation is rounded to float32 by itself,
 * in the order that is stated there; sums over a vector are in float64, four of them by index mod 4. Built with
 * -ffp-contract=off and without -ffast-math, so a vector unit gives what a scalar one gives.
 */
#ifndef PEERGRAD_KERNELS_H
#define PEERGRAD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/** Coordinates of one pass: the output's block stays in the cache while the inputs pass. */
#define KERNEL_BLOCK 4096
/** Most inputs of the rules that look at one coordinate of all: median, trimmed mean, mean around the median. */
#define COLUMN_INPUTS 64

/*
 * On x86 with glibc each kernel is built twice and the loader picks by processor: AVX2 has no fused multiply-add in
 * it, so the bits are the same. Elsewhere (arm64 has NEON by default) plainly.
 */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(PEERGRAD_PLAIN)
#define KERNEL __attribute__((target_clones("avx2", "default")))
#else
#define KERNEL
#endif

typedef struct SgdCoefficients {
  float alpha, lambda;
} SgdCoefficients;

typedef struct MomentumCoefficients {
  float alpha, lambda, mu;
  int nesterov;
} MomentumCoefficients;

typedef struct AdamCoefficients {
  float alpha, lambda, kappa, beta1, gamma1, beta2, gamma2, sigma, epsilon;
} AdamCoefficients;

/** out = (x_0 + x_1 + … ) / n; what overflows once more in float64 */
void kernel_mean(float *out, const float *const *inputs, size_t n, size_t length);
/** out = c_0·x_0 + c_1·x_1 + …; what overflows once more in float64, divided by the sum of the coefficients */
void kernel_weighted_mean(float *out, const float *const *inputs, const float *coefficients, size_t n, size_t length);
/** out = (w_0·x_0 + w_1·x_1 + …) / (w_0 + w_1 + …) in float64, rounded once; what has a weight of 0 is left out. */
void kernel_average(float *out, const float *const *inputs, const double *weights, size_t n, size_t length);
/** y = y + x */
void kernel_add(float *y, const float *x, size_t length);
/** The same with x as it lies in a blob, at any address. */
void kernel_add_blob(float *y, const char *bytes, size_t length);
/** out = x + y */
void kernel_sum2(float *out, const float *x, const float *y, size_t length);
/** y = y / n */
void kernel_divide(float *y, float n, size_t length);

double kernel_squared_norm(const float *x, size_t length);
double kernel_squared_distance(const float *x, const float *y, size_t length);
/** Index of the first NaN or infinity, or `length`. */
size_t kernel_first_non_finite(const float *x, size_t length);

/** A NULL state vector is zeros. */
void kernel_sgd(float *out, const float *p, const float *g, SgdCoefficients c, size_t length);
void kernel_momentum(float *out, float *outVelocity, const float *p, const float *velocity, const float *g,
                     MomentumCoefficients c, size_t length);
void kernel_adam(float *out, float *outFirst, float *outSecond, const float *p, const float *first, const float *second,
                 const float *g, AdamCoefficients c, size_t length);

/** Median per coordinate in the total order; even n: mean of the two middle ones. n from 1 to COLUMN_INPUTS. */
void kernel_median(float *out, const float *const *inputs, size_t n, size_t length);
/** Drops the f lowest and the f highest per coordinate, averages the others in float64, ascending. n > 2f. */
void kernel_trimmed(float *out, const float *const *inputs, size_t n, size_t f, size_t length);
/** Averages, in float64 and ascending, the n − f values nearest to the middle one; of two equally near the lower. n > f. */
void kernel_meamed(float *out, const float *const *inputs, size_t n, size_t f, size_t length);

#endif
