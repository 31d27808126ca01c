/*
 * The sparse form of a vector whose first `parameters` floats are mostly zeros, word for word that of
 * packages/core/src/wire/sparse.ts: dense, the vector as it is; or, when that takes strictly fewer words, k (uint32), k
 * ascending indices (uint32), the k values at them, and what follows the parameters.
 */
#ifndef PEERGRAD_SPARSE_H
#define PEERGRAD_SPARSE_H

#include <stddef.h>
#include <stdint.h>

/** Floats with a bit that is set. */
size_t sparse_count(const float *x, size_t length);
/** Words of the shorter form of a vector with k of its parameters not zero; `length` when that is the dense one. */
size_t sparse_words(size_t length, size_t parameters, size_t k);
/** The sparse form. */
void sparse_pack(float *out, const float *x, size_t length, size_t parameters, size_t k);
/** k of a packed vector of `words` words, fewer than `length`; SIZE_MAX for what nobody packs. Reads the first word. */
size_t sparse_header(const float *packed, size_t words, size_t length, size_t parameters);
/** The vector of a sparse form whose header fits. 0, and `out` in part, unless the indices ascend and are parameters'. */
int sparse_unpack(float *out, const float *packed, size_t length, size_t parameters, size_t k);

#endif
