/* A chunk of an open vector: whole regions, so that what was written is known region by region. */
#ifndef PEERGRAD_CHUNK_H
#define PEERGRAD_CHUNK_H

#include "tensor.h"

/** Most floats of a chunk, 4 MiB: it is copied on the main thread. */
#define CHUNK_MAX ((size_t)4 * TENSOR_REGION)

typedef struct Chunk {
  /** of the whole vector */
  size_t length;
  size_t offset;
  size_t count;
  const char *bytes;
  /** regions from `first` up to, not with, `end` */
  size_t first, end;
} Chunk;

/** Reads `length`, `offset` and `blob`; replies with PGARGUMENT or PGSHAPE and is 0 when they do not fit. */
int chunk_read(RedisModuleCtx *ctx, const RedisModuleString *length, const RedisModuleString *offset,
               const RedisModuleString *blob, Chunk *chunk);
/** The bytes of one of its regions. */
const char *chunk_region(const Chunk *chunk, size_t region);

/**
 * The open vector of that key and state, made when there is none (*made is set). NULL after an error reply, or with
 * *sealed set and no reply when the key holds a sealed vector of that length.
 */
Tensor *chunk_open(RedisModuleCtx *ctx, RedisModuleString *key, const Chunk *chunk, TensorState state, uint32_t count,
                   int *made, int *sealed);

#endif
