/*
 * The rules that look at one coordinate of all inputs. A block of columns is sorted at once: row k of the block holds
 * input k, and a network of compare-and-exchange steps over whole rows (Batcher's odd-even merge sort, Knuth volume 3,
 * 5.3.4, for any n) leaves each column in ascending order.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

/** Columns of one block: 64 rows of them stay in the second-level cache. */
#define COLUMNS 256

typedef int32_t Row[COLUMNS];

/** Float32 bits as integers in the total order of IEEE 754; its own inverse. */
static inline int32_t ordered_key(int32_t bits) { return bits ^ ((bits >> 31) & 0x7fffffff); }

KERNEL static void load_row(int32_t *restrict row, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    row[i] = ordered_key(bits);
  }
}

KERNEL static void exchange(int32_t *restrict low, int32_t *restrict high, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int32_t a = low[i], b = high[i];
    low[i] = a < b ? a : b;
    high[i] = a < b ? b : a;
  }
}

static void sort_rows(Row *rows, size_t n, size_t count) {
  for (size_t p = 1; p < n; p *= 2)
    for (size_t k = p; k >= 1; k /= 2)
      for (size_t j = k % p; j + k < n; j += 2 * k)
        for (size_t i = 0; i < k && i + j + k < n; i++)
          if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) exchange(rows[i + j], rows[i + j + k], count);
}

static inline float value_of(int32_t key) {
  int32_t bits = ordered_key(key);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void load_sorted(Row *rows, const float *const *inputs, size_t n, size_t start, size_t count) {
  for (size_t k = 0; k < n; k++) load_row(rows[k], inputs[k] + start, count);
  sort_rows(rows, n, count);
}

KERNEL static void middle(float *restrict out, const int32_t *restrict low, const int32_t *restrict high,
                          size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (float)(((double)value_of(low[i]) + (double)value_of(high[i])) * 0.5);
}

static size_t block_at(size_t start, size_t length) { return length - start < COLUMNS ? length - start : COLUMNS; }

void kernel_median(float *out, const float *const *inputs, size_t n, size_t length) {
  Row rows[COLUMN_INPUTS];
  for (size_t start = 0; start < length; start += COLUMNS) {
    size_t count = block_at(start, length);
    load_sorted(rows, inputs, n, start, count);
    middle(out + start, rows[(n - 1) / 2], rows[n / 2], count);
  }
}

KERNEL static void add_row(double *restrict sum, const int32_t *restrict row, size_t count) {
  for (size_t i = 0; i < count; i++) sum[i] += (double)value_of(row[i]);
}

void kernel_trimmed(float *out, const float *const *inputs, size_t n, size_t f, size_t length) {
  Row rows[COLUMN_INPUTS];
  double sum[COLUMNS];
  double kept = (double)(n - 2 * f);
  for (size_t start = 0; start < length; start += COLUMNS) {
    size_t count = block_at(start, length);
    load_sorted(rows, inputs, n, start, count);
    /* from the first value and not from +0: the mean of −0 alone is −0 */
    for (size_t i = 0; i < count; i++) sum[i] = (double)value_of(rows[f][i]);
    for (size_t k = f + 1; k < n - f; k++) add_row(sum, rows[k], count);
    for (size_t i = 0; i < count; i++) out[start + i] = (float)(sum[i] / kept);
  }
}

/** Of one sorted column: the mean of the `kept` values that follow each other nearest to the middle, of two the lower. */
static float mean_around(const Row *rows, size_t n, size_t kept, size_t column) {
  double middle = ((double)value_of(rows[(n - 1) / 2][column]) + (double)value_of(rows[n / 2][column])) * 0.5;
  size_t first = 0;
  while (first + kept < n &&
         middle - (double)value_of(rows[first][column]) > (double)value_of(rows[first + kept][column]) - middle)
    first++;
  double sum = -0.0; /* the identity of addition: the mean of −0 alone is −0 */
  for (size_t k = first; k < first + kept; k++) sum += (double)value_of(rows[k][column]);
  return (float)(sum / (double)kept);
}

void kernel_meamed(float *out, const float *const *inputs, size_t n, size_t f, size_t length) {
  Row rows[COLUMN_INPUTS];
  for (size_t start = 0; start < length; start += COLUMNS) {
    size_t count = block_at(start, length);
    load_sorted(rows, inputs, n, start, count);
    for (size_t i = 0; i < count; i++) out[start + i] = mean_around(rows, n, n - f, i);
  }
}
