#include "chunk.h"

#include "arguments.h"
#include "reply.h"
#include "work.h"

int chunk_read(RedisModuleCtx *ctx, const RedisModuleString *length, const RedisModuleString *offset,
               const RedisModuleString *blob, Chunk *chunk) {
  long long total, start;
  if (!argument_whole(ctx, "length", length, 0, (long long)TENSOR_MAX, &total)) return 0;
  if (!argument_whole(ctx, "offset", offset, 0, total, &start)) return 0;
  if (!argument_blob(ctx, blob, &chunk->bytes, &chunk->count)) return 0;
  chunk->length = (size_t)total;
  chunk->offset = (size_t)start;
  if (chunk->count > CHUNK_MAX) {
    reply_error(ctx, "PGARGUMENT blob: got %zu floats, expected at most %zu a chunk", chunk->count, CHUNK_MAX);
    return 0;
  }
  if (chunk->count > chunk->length - chunk->offset) {
    reply_error(ctx, "PGSHAPE got %zu floats at %zu, expected no more than the length, %zu", chunk->count,
                chunk->offset, chunk->length);
    return 0;
  }
  size_t end = chunk->offset + chunk->count;
  if (chunk->offset % TENSOR_REGION != 0 || (end % TENSOR_REGION != 0 && end != chunk->length)) {
    reply_error(ctx, "PGARGUMENT offset: got a chunk from %zu to %zu, expected multiples of %zu or the end, %zu",
                chunk->offset, end, TENSOR_REGION, chunk->length);
    return 0;
  }
  chunk->first = chunk->offset / TENSOR_REGION;
  chunk->end = chunk->count == 0 ? chunk->first + (chunk->length == 0) : (end + TENSOR_REGION - 1) / TENSOR_REGION;
  return 1;
}

const char *chunk_region(const Chunk *chunk, size_t region) {
  return chunk->bytes + (region - chunk->first) * TENSOR_REGION * sizeof(float);
}

static Tensor *refuse(RedisModuleCtx *ctx, const RedisModuleString *key, const char *code, const char *why) {
  Text text = {0};
  text_add(&text, "%s ", code);
  text_add_string(&text, key);
  text_add(&text, " %s", why);
  reply_text(ctx, &text);
  return NULL;
}

static Tensor *check(RedisModuleCtx *ctx, Tensor *tensor, RedisModuleString *key, const Chunk *chunk, TensorState state,
                     uint32_t count, int *sealed) {
  if (tensor->length != chunk->length) {
    Text why = {0};
    text_add(&why, "has %zu floats, got a chunk of a vector of %zu", tensor->length, chunk->length);
    refuse(ctx, key, "PGSHAPE", why.bytes);
    text_free(&why);
    return NULL;
  }
  if (tensor->state == TENSOR_SEALED) {
    *sealed = 1;
    return NULL;
  }
  if (tensor->state != state) return refuse(ctx, key, "PGCONFLICT", "is written by another command");
  if (tensor->count != count) return refuse(ctx, key, "PGCONFLICT", "has another number of contributions");
  return tensor;
}

Tensor *chunk_open(RedisModuleCtx *ctx, RedisModuleString *name, const Chunk *chunk, TensorState state, uint32_t count,
                   int *made, int *sealed) {
  int wrong = 0;
  Tensor *tensor = key_tensor(ctx, name, &wrong);
  if (wrong) {
    reply_wrong_type(ctx);
    return NULL;
  }
  if (tensor != NULL) return check(ctx, tensor, name, chunk, state, count, sealed);
  size_t bytes = chunk->length * sizeof(float);
  tensor = memory_fits(ctx, bytes) ? tensor_create_open(chunk->length, state, count) : NULL;
  if (tensor == NULL) {
    reply_memory(ctx, bytes);
    return NULL;
  }
  RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
  RedisModule_ModuleTypeSetValue(key, tensorType, tensor);
  RedisModule_CloseKey(key);
  *made = 1;
  return tensor;
}
