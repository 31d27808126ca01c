/*
 * The value of a key: a vector of float32, in one of three states. Staging and accumulating ones are written region by
 * region, by the main thread only; a sealed one never changes again, so that a worker thread reads it without a lock,
 * and holds it by reference while its key is deleted, overwritten or expires.
 */
#ifndef PEERGRAD_TENSOR_H
#define PEERGRAD_TENSOR_H

#include "memory.h"
#include "redis.h"

#include <stdatomic.h>

/** Most floats of a vector: 4 GiB. */
#define TENSOR_MAX ((size_t)1 << 30)
/** Floats of a region: chunks begin and end at its multiples (or at the vector's end). */
#define TENSOR_REGION ((size_t)256 << 10)

typedef enum TensorState { TENSOR_SEALED = 0, TENSOR_STAGING = 1, TENSOR_ACCUMULATING = 2 } TensorState;

typedef struct Tensor {
  atomic_size_t references;
  TensorState state;
  size_t length;
  float *values;
  Buffer buffer;
  /** contributions that a region needs: 1 of a staging vector */
  uint32_t count;
  /** contributions that each region has; NULL once sealed */
  uint32_t *applied;
  size_t regionsDone;
  /** SHA-256, empty until somebody asked; of the main thread */
  char digest[65];
} Tensor;

extern RedisModuleType *tensorType;

/** A sealed vector of unspecified content with one reference; NULL when memory is short. */
Tensor *tensor_create(size_t length);
/** A staging or accumulating one, nothing written. */
Tensor *tensor_create_open(size_t length, TensorState state, uint32_t count);
Tensor *tensor_hold(Tensor *tensor);
void tensor_release(Tensor *tensor);

/** Regions of a vector; a vector of length 0 has one, of length 0. */
size_t tensor_regions(size_t length);
/** Floats of one region. */
size_t tensor_region_length(const Tensor *tensor, size_t region);
/** The sum of a region of an accumulator is complete, or a region of a staging vector written. */
int tensor_region_done(const Tensor *tensor, size_t region);
int tensor_complete(const Tensor *tensor);
/** From here on it is immutable. */
void tensor_seal(Tensor *tensor);
int tensor_same(const Tensor *a, const Tensor *b);
size_t tensor_bytes(const void *tensor);

/** Registers the type "peergrad1" with its persistence. */
int tensor_register(RedisModuleCtx *ctx);

#endif
