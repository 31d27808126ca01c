#include "sparse.h"

#include "kernels.h"

#include <string.h>

static uint32_t word_at(const float *x, size_t at) {
  uint32_t word;
  memcpy(&word, x + at, sizeof word);
  return word;
}

static void put_word(float *x, size_t at, uint32_t word) { memcpy(x + at, &word, sizeof word); }

KERNEL static uint32_t count_block(const float *x, size_t length) {
  uint32_t count = 0;
  for (size_t i = 0; i < length; i++) count += word_at(x, i) != 0;
  return count;
}

size_t sparse_count(const float *x, size_t length) {
  size_t total = 0;
  for (size_t at = 0; at < length; at += KERNEL_BLOCK)
    total += count_block(x + at, length - at < KERNEL_BLOCK ? length - at : KERNEL_BLOCK);
  return total;
}

size_t sparse_words(size_t length, size_t parameters, size_t k) {
  size_t words = 1 + 2 * k + length - parameters;
  return words < length ? words : length;
}

void sparse_pack(float *out, const float *x, size_t length, size_t parameters, size_t k) {
  float *indices = out + 1, *values = indices + k;
  put_word(out, 0, (uint32_t)k);
  size_t at = 0;
  for (size_t i = 0; i < parameters && at < k; i++) {
    if (word_at(x, i) == 0) continue;
    put_word(indices, at, (uint32_t)i);
    values[at++] = x[i];
  }
  memcpy(values + k, x + parameters, (length - parameters) * sizeof(float));
}

size_t sparse_header(const float *packed, size_t words, size_t length, size_t parameters) {
  if (words == 0) return SIZE_MAX;
  size_t k = word_at(packed, 0);
  return k <= parameters && words < length && words == sparse_words(length, parameters, k) ? k : SIZE_MAX;
}

int sparse_unpack(float *out, const float *packed, size_t length, size_t parameters, size_t k) {
  const float *indices = packed + 1, *values = indices + k;
  memset(out, 0, parameters * sizeof(float));
  size_t next = 0;
  for (size_t at = 0; at < k; at++) {
    size_t index = word_at(indices, at);
    if (index < next || index >= parameters) return 0;
    memcpy(out + index, values + at, sizeof(float));
    next = index + 1;
  }
  memcpy(out + parameters, values + k, (length - parameters) * sizeof(float));
  return 1;
}
