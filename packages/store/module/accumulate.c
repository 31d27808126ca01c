/* The mean of contributions, built while they arrive: as much memory as one of them. */
#include "arguments.h"
#include "chunk.h"
#include "commands.h"
#include "kernels.h"
#include "reply.h"
#include "work.h"

#include <string.h>

#define CONTRIBUTIONS_MAX 65536

/** The next contribution of a region: copied or added, and after the last one divided (kernels.mean, bit for bit). */
static void apply(Tensor *tensor, size_t region, const char *bytes) {
  float *sum = tensor->values + region * TENSOR_REGION;
  size_t length = tensor_region_length(tensor, region);
  if (tensor->applied[region] == 0) memcpy(sum, bytes, length * sizeof(float));
  else kernel_add_blob(sum, bytes, length);
  if (++tensor->applied[region] < tensor->count) return;
  kernel_divide(sum, (float)tensor->count, length);
  tensor->regionsDone++;
}

/** What AOF rewriting wrote: a region as it is after that contribution. */
static void restore(Tensor *tensor, size_t region, const char *bytes, uint32_t index) {
  memcpy(tensor->values + region * TENSOR_REGION, bytes, tensor_region_length(tensor, region) * sizeof(float));
  tensor->applied[region] = index + 1;
  tensor->regionsDone += index + 1 == tensor->count;
}

typedef struct Options {
  long long expiry;
  int restored;
} Options;

static int read_options(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, Options *options) {
  for (int at = 7; at < argc;) {
    int expiry = argument_expiry(ctx, argv, argc, &at, &options->expiry);
    if (expiry < 0) return 0;
    if (expiry > 0) continue;
    if (!argument_is(argv[at], "RESTORED")) return argument_refuse(ctx, "option", argv[at], "PX or RESTORED");
    options->restored = 1;
    at++;
  }
  return 1;
}

static int out_of_order(RedisModuleCtx *ctx, size_t region, long long index, uint32_t applied) {
  return reply_error(ctx, "PGORDER region %zu: got contribution %lld, expected %u", region, index, applied);
}

/**
 * PEERGRAD.ACCUMULATE acc length count index offset blob [PX ms] [RESTORED]
 *
 * Adds a chunk of contribution `index` of `count` (float32 sums, in the order of the indices) to a vector of `length`
 * floats, made by the first one; PX is the expiry it is made with. Chunks are those of PEERGRAD.STAGE. A region that
 * has all contributions is divided by `count`, and when all have, the vector is sealed: the bits of kernels.mean, but for sums
 * that overflow, of which an infinity is left.
 * OK; SEALED when this was the last one; DUPLICATE when every region had it before (nothing changes); PGORDER when a
 * region has not had the contribution before this one (nothing changes); PGSHAPE, PGCONFLICT, OOM.
 * RESTORED, for AOF rewriting: the blob is what these regions hold after contribution `index`.
 */
COMMAND(command_accumulate) {
  if (argc < 7) return RedisModule_WrongArity(ctx);
  Chunk chunk;
  long long count, index;
  Options options = {REDISMODULE_NO_EXPIRE, 0};
  if (!argument_whole(ctx, "count", argv[3], 1, CONTRIBUTIONS_MAX, &count)) return REDISMODULE_OK;
  if (!argument_whole(ctx, "index", argv[4], 0, count - 1, &index)) return REDISMODULE_OK;
  if (!chunk_read(ctx, argv[2], argv[5], argv[6], &chunk)) return REDISMODULE_OK;
  if (!read_options(ctx, argv, argc, &options)) return REDISMODULE_OK;
  int wrong = 0, made = 0, isSealed = 0;
  /* a contribution out of order makes no vector */
  if (index > 0 && !options.restored && key_tensor(ctx, argv[1], &wrong) == NULL && !wrong)
    return out_of_order(ctx, chunk.first, index, 0);
  Tensor *tensor =
      chunk_open(ctx, argv[1], &chunk, TENSOR_ACCUMULATING, (uint32_t)count, &made, &isSealed);
  if (isSealed) return RedisModule_ReplyWithSimpleString(ctx, "DUPLICATE");
  if (tensor == NULL) return REDISMODULE_OK;

  if (!options.restored)
    for (size_t region = chunk.first; region < chunk.end; region++)
      if (tensor->applied[region] < index) return out_of_order(ctx, region, index, tensor->applied[region]);
  size_t changed = 0;
  for (size_t region = chunk.first; region < chunk.end; region++) {
    if (tensor->applied[region] > index) continue;
    if (options.restored) restore(tensor, region, chunk_region(&chunk, region), (uint32_t)index);
    else apply(tensor, region, chunk_region(&chunk, region));
    changed++;
  }
  if (changed == 0 && !made) return RedisModule_ReplyWithSimpleString(ctx, "DUPLICATE");

  RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
  if (made && options.expiry != REDISMODULE_NO_EXPIRE) RedisModule_SetExpire(key, options.expiry);
  RedisModule_CloseKey(key);
  RedisModule_ReplicateVerbatim(ctx);
  if (made) replicate_expiry(ctx, argv[1], options.expiry);
  if (!tensor_complete(tensor)) return RedisModule_ReplyWithSimpleString(ctx, "OK");
  tensor_seal(tensor);
  return RedisModule_ReplyWithSimpleString(ctx, "SEALED");
}
