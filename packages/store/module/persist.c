/*
 * The type "peergrad1" for RDB files, AOF rewriting, DUMP and RESTORE.
 *
 * RDB, version 1: state, length, count, then for each region its contributions and, when it has any, its floats as a
 * string, last a 64-bit checksum of all of that. What does not fit is refused (RESTORE says "Bad data format"), and no
 * more is allocated than the state and length allow.
 */
#include "tensor.h"

#include <string.h>

#define ENCODING 1
/** FNV-1a's constants, on words of 64 bits: each step is a bijection, so one changed word is always seen. */
#define CHECKSUM_START 0xcbf29ce484222325u
#define CHECKSUM_PRIME 0x100000001b3u

RedisModuleType *tensorType;

static uint64_t mix(uint64_t sum, uint64_t word) { return (sum ^ word) * CHECKSUM_PRIME; }

static uint64_t mix_floats(uint64_t sum, const float *x, size_t length) {
  size_t i = 0;
  for (; i + 2 <= length; i += 2) {
    uint64_t word;
    memcpy(&word, x + i, sizeof word);
    sum = mix(sum, word);
  }
  if (i < length) {
    uint32_t word;
    memcpy(&word, x + i, sizeof word);
    sum = mix(sum, word);
  }
  return sum;
}

static uint32_t applied_of(const Tensor *tensor, size_t region) {
  return tensor->applied == NULL ? 1 : tensor->applied[region];
}

static void save(RedisModuleIO *io, void *value) {
  const Tensor *tensor = value;
  uint64_t header[3] = {tensor->state, tensor->length, tensor->count};
  uint64_t sum = CHECKSUM_START;
  for (int k = 0; k < 3; k++) {
    RedisModule_SaveUnsigned(io, header[k]);
    sum = mix(sum, header[k]);
  }
  for (size_t region = 0; region < tensor_regions(tensor->length); region++) {
    uint32_t applied = applied_of(tensor, region);
    RedisModule_SaveUnsigned(io, applied);
    sum = mix(sum, applied);
    if (applied == 0) continue;
    const float *x = tensor->values + region * TENSOR_REGION;
    size_t length = tensor_region_length(tensor, region);
    RedisModule_SaveStringBuffer(io, (const char *)x, length * sizeof(float));
    sum = mix_floats(sum, x, length);
  }
  RedisModule_SaveUnsigned(io, sum);
}

/** Reads one region; 0 when it does not fit the vector. */
static int load_region(RedisModuleIO *io, Tensor *tensor, size_t region, uint64_t *sum) {
  uint64_t applied = RedisModule_LoadUnsigned(io);
  if (RedisModule_IsIOError(io)) return 0;
  if (tensor->state == TENSOR_SEALED ? applied != 1 : applied > tensor->count) return 0;
  *sum = mix(*sum, applied);
  if (tensor->applied != NULL) {
    tensor->applied[region] = (uint32_t)applied;
    tensor->regionsDone += applied == tensor->count;
  }
  if (applied == 0) return 1;
  size_t bytes = 0;
  char *floats = RedisModule_LoadStringBuffer(io, &bytes);
  if (floats == NULL || RedisModule_IsIOError(io)) return 0;
  size_t length = tensor_region_length(tensor, region);
  int fits = bytes == length * sizeof(float);
  if (fits) {
    memcpy(tensor->values + region * TENSOR_REGION, floats, bytes);
    *sum = mix_floats(*sum, tensor->values + region * TENSOR_REGION, length);
  }
  RedisModule_Free(floats);
  return fits;
}

static void *load(RedisModuleIO *io, int version) {
  if (version != ENCODING) return NULL;
  uint64_t header[3];
  uint64_t sum = CHECKSUM_START;
  for (int k = 0; k < 3; k++) {
    header[k] = RedisModule_LoadUnsigned(io);
    if (RedisModule_IsIOError(io)) return NULL;
    sum = mix(sum, header[k]);
  }
  if (header[0] > TENSOR_ACCUMULATING || header[1] > TENSOR_MAX || header[2] > UINT32_MAX) return NULL;
  if (header[0] != TENSOR_SEALED && header[2] == 0) return NULL;
  Tensor *tensor = header[0] == TENSOR_SEALED
                       ? tensor_create(header[1])
                       : tensor_create_open(header[1], (TensorState)header[0], (uint32_t)header[2]);
  if (tensor == NULL) return NULL;
  tensor->count = (uint32_t)header[2];
  int good = 1;
  for (size_t region = 0; good && region < tensor_regions(tensor->length); region++)
    good = load_region(io, tensor, region, &sum);
  if (good) {
    uint64_t saved = RedisModule_LoadUnsigned(io);
    good = !RedisModule_IsIOError(io) && saved == sum;
  }
  if (good) return tensor;
  tensor_release(tensor);
  return NULL;
}

static void rewrite_accumulator(RedisModuleIO *io, RedisModuleString *key, const Tensor *tensor) {
  for (size_t region = 0; region < tensor_regions(tensor->length); region++) {
    uint32_t applied = tensor->applied[region];
    if (applied == 0) continue;
    size_t offset = region * TENSOR_REGION;
    RedisModule_EmitAOF(io, "PEERGRAD.ACCUMULATE", "sllllbc", key, (long long)tensor->length, (long long)tensor->count,
                        (long long)applied - 1, (long long)offset, (const char *)(tensor->values + offset),
                        tensor_region_length(tensor, region) * sizeof(float), "RESTORED");
  }
}

/** Chunks of 1 MiB: STAGE and SEAL under the key's own name. An expiry is Redis' to write, after this. */
static void rewrite(RedisModuleIO *io, RedisModuleString *key, void *value) {
  const Tensor *tensor = value;
  if (tensor->state == TENSOR_ACCUMULATING) {
    rewrite_accumulator(io, key, tensor);
    return;
  }
  for (size_t region = 0; region < tensor_regions(tensor->length); region++) {
    if (!tensor_region_done(tensor, region)) continue;
    size_t offset = region * TENSOR_REGION;
    RedisModule_EmitAOF(io, "PEERGRAD.STAGE", "sllb", key, (long long)tensor->length, (long long)offset,
                        (const char *)(tensor->values + offset), tensor_region_length(tensor, region) * sizeof(float));
  }
  if (tensor->state == TENSOR_SEALED) RedisModule_EmitAOF(io, "PEERGRAD.SEAL", "ss", key, key);
}

/** Of DEBUG DIGEST: two servers that hold the same say the same. */
static void digest(RedisModuleDigest *digest, void *value) {
  const Tensor *tensor = value;
  RedisModule_DigestAddLongLong(digest, tensor->state);
  RedisModule_DigestAddLongLong(digest, (long long)tensor->length);
  for (size_t region = 0; region < tensor_regions(tensor->length); region++) {
    uint32_t applied = applied_of(tensor, region);
    RedisModule_DigestAddLongLong(digest, applied);
    if (applied > 0)
      RedisModule_DigestAddStringBuffer(digest, (const char *)(tensor->values + region * TENSOR_REGION),
                                        tensor_region_length(tensor, region) * sizeof(float));
  }
  RedisModule_DigestEndSequence(digest);
}

static void release(void *value) { tensor_release(value); }

/** COPY shares a sealed vector, which cannot change; an open one is not copied (the reply of COPY is an error). */
static void *copy(RedisModuleString *from, RedisModuleString *to, const void *value) {
  (void)from, (void)to;
  Tensor *tensor = (Tensor *)(uintptr_t)value;
  return tensor->state == TENSOR_SEALED ? tensor_hold(tensor) : NULL;
}

int tensor_register(RedisModuleCtx *ctx) {
  RedisModuleTypeMethods methods = {.version = 3,
                                    .rdb_load = load,
                                    .rdb_save = save,
                                    .aof_rewrite = rewrite,
                                    .mem_usage = tensor_bytes,
                                    .digest = digest,
                                    .free = release,
                                    .copy = copy};
  tensorType = RedisModule_CreateDataType(ctx, "peergrad1", ENCODING, &methods);
  return tensorType == NULL ? REDISMODULE_ERR : REDISMODULE_OK;
}
