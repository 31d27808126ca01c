/* Vectors in and out: SET, STAGE, SEAL, READ, INFO. Lengths and offsets are in floats; blobs little-endian float32. */
#include "arguments.h"
#include "chunk.h"
#include "commands.h"
#include "work.h"

#include <string.h>

/** A staging vector that nobody writes to any more goes after this. */
#define STAGING_EXPIRY 60000
/** Floats that READ copies on the main thread: the 1 MiB chunks that clients ask for. */
#define READ_INLINE ((size_t)256 << 10)

static void compute_set(Job *job) {
  size_t size;
  const char *bytes = RedisModule_StringPtrLen(job->argument, &size);
  memcpy(job->outputs[0].tensor->values, bytes, size);
}

/**
 * PEERGRAD.SET key blob [PX ms]
 *
 * Makes a sealed vector of the blob's floats. OK; SAME when the key holds these bits already (its expiry stays);
 * PGCONFLICT when it holds others; PGSHAPE for a blob that is not whole floats; OOM.
 */
COMMAND(command_set) {
  if (argc < 3) return RedisModule_WrongArity(ctx);
  const char *bytes;
  size_t length;
  long long expiry = REDISMODULE_NO_EXPIRE;
  if (!argument_blob(ctx, argv[2], &bytes, &length)) return REDISMODULE_OK;
  if (!argument_rest(ctx, argv, argc, 3, &expiry)) return REDISMODULE_OK;
  if (!job_room(ctx, length)) return REDISMODULE_OK;
  Job *job = job_create(compute_set, 0, 0);
  job->expiry = expiry;
  job->argument = hold_string(argv[2]);
  if (!job_output(ctx, job, argv[1], length)) return job_drop(job);
  return job_run(ctx, job, length);
}

/** Every region is new or has these bits already. */
static int stage_agrees(const Tensor *tensor, const Chunk *chunk) {
  for (size_t region = chunk->first; region < chunk->end; region++)
    if (tensor->applied[region] != 0 && memcmp(tensor->values + region * TENSOR_REGION, chunk_region(chunk, region),
                                               tensor_region_length(tensor, region) * sizeof(float)) != 0)
      return 0;
  return 1;
}

/**
 * PEERGRAD.STAGE staging length offset blob [PX ms]
 *
 * Writes a chunk of a vector of `length` floats that is not to be seen yet. Chunks begin and end at multiples of
 * 262,144 floats or at the vector's end, are at most four times that, and come in any order; one that comes again is
 * harmless. The key expires 60 s (or PX) after its last chunk. OK; PGCONFLICT for a written region with other bits, or
 * a key that is sealed or accumulates; PGSHAPE for another length; OOM.
 */
COMMAND(command_stage) {
  if (argc < 5) return RedisModule_WrongArity(ctx);
  Chunk chunk;
  long long expiry = STAGING_EXPIRY;
  if (!chunk_read(ctx, argv[2], argv[3], argv[4], &chunk)) return REDISMODULE_OK;
  if (!argument_rest(ctx, argv, argc, 5, &expiry)) return REDISMODULE_OK;
  int made = 0, isSealed = 0;
  Tensor *tensor = chunk_open(ctx, argv[1], &chunk, TENSOR_STAGING, 1, &made, &isSealed);
  if (isSealed) return reply_error(ctx, "PGCONFLICT the staging key is sealed");
  if (tensor == NULL) return REDISMODULE_OK;
  if (!stage_agrees(tensor, &chunk)) return reply_error(ctx, "PGCONFLICT the chunk was written with other bits");

  for (size_t region = chunk.first; region < chunk.end; region++) {
    if (tensor->applied[region] != 0) continue;
    memcpy(tensor->values + region * TENSOR_REGION, chunk_region(&chunk, region),
           tensor_region_length(tensor, region) * sizeof(float));
    tensor->applied[region] = 1;
    tensor->regionsDone++;
  }
  RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
  RedisModule_SetExpire(key, expiry);
  RedisModule_CloseKey(key);
  RedisModule_ReplicateVerbatim(ctx);
  replicate_expiry(ctx, argv[1], expiry);
  return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static void compute_nothing(Job *job) { (void)job; }

static void set_expiry(RedisModuleCtx *ctx, RedisModuleString *name, long long expiry) {
  RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
  RedisModule_SetExpire(key, expiry);
  RedisModule_CloseKey(key);
}

/** Under its own name: what AOF rewriting writes. */
static int seal_in_place(RedisModuleCtx *ctx, RedisModuleString *name, Tensor *tensor, long long expiry) {
  tensor_seal(tensor);
  set_expiry(ctx, name, expiry);
  RedisModule_ReplicateVerbatim(ctx);
  replicate_expiry(ctx, name, expiry);
  return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static void delete_key(RedisModuleCtx *ctx, RedisModuleString *name) {
  RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
  RedisModule_DeleteKey(key);
  RedisModule_CloseKey(key);
}

static int reply_missing(RedisModuleCtx *ctx, const RedisModuleString *key) {
  Text text = {0};
  text_add(&text, "PGMISSING ");
  text_add_string(&text, key);
  return reply_text(ctx, &text);
}

/** The staging vector must still be there, and goes once the key holds its bits. */
static void finish_seal(RedisModuleCtx *ctx, Job *job) {
  Tensor *staged = job->outputs[0].tensor;
  RedisModuleString *staging = job->argument;
  int wrong = 0;
  if (key_tensor(ctx, staging, &wrong) != staged) {
    reply_missing(ctx, staging);
    return;
  }
  Published published = job_publish(ctx, job);
  if (published == PUBLISHED_NOT) return;
  tensor_seal(staged);
  delete_key(ctx, staging);
  if (published == PUBLISHED_BEFORE) RedisModule_Replicate(ctx, "DEL", "s", staging);
}

static int seal_absent(RedisModuleCtx *ctx, RedisModuleString **argv) {
  int wrong = 0;
  const Tensor *tensor = key_tensor(ctx, argv[2], &wrong);
  if (wrong) return reply_wrong_type(ctx);
  if (tensor != NULL && tensor->state == TENSOR_SEALED) return RedisModule_ReplyWithSimpleString(ctx, "SAME");
  return reply_missing(ctx, argv[1]);
}

/**
 * PEERGRAD.SEAL staging key [PX ms]
 *
 * Moves a staged vector, whole, under `key`, without a copy; `staging` goes. OK; SAME when `key` holds these bits
 * already, or when `staging` is gone and `key` is there (the reply of the call that did it was lost); PGCONFLICT when
 * `key` holds other bits (`staging` stays); PGINCOMPLETE when regions were never written; PGMISSING when both are gone.
 * `staging` may be `key` itself.
 */
COMMAND(command_seal) {
  if (argc < 3) return RedisModule_WrongArity(ctx);
  long long expiry = REDISMODULE_NO_EXPIRE;
  if (!argument_rest(ctx, argv, argc, 3, &expiry)) return REDISMODULE_OK;
  int wrong = 0;
  int inPlace = RedisModule_StringCompare(argv[1], argv[2]) == 0;
  Tensor *staged = key_tensor(ctx, argv[1], &wrong);
  if (wrong) return reply_wrong_type(ctx);
  if (staged == NULL || (inPlace && staged->state == TENSOR_SEALED)) return seal_absent(ctx, argv);
  if (staged->state != TENSOR_STAGING) return reply_error(ctx, "PGCONFLICT the staging key is not a staged vector");
  if (!tensor_complete(staged))
    return reply_error(ctx, "PGINCOMPLETE got %zu regions of %zu floats, expected %zu", staged->regionsDone,
                       TENSOR_REGION, tensor_regions(staged->length));
  if (inPlace) return seal_in_place(ctx, argv[2], staged, expiry);

  Job *job = job_create(compute_nothing, 0, 0);
  job->finish = finish_seal;
  job->expiry = expiry;
  if (!job_output(ctx, job, argv[2], SIZE_MAX)) return job_drop(job);
  job->outputs[0].tensor = tensor_hold(staged);
  job->argument = hold_string(argv[1]);
  return job_run(ctx, job, job->outputs[0].existing == NULL ? 0 : staged->length);
}

typedef struct Range {
  size_t offset;
  size_t count;
} Range;

static void reply_range(RedisModuleCtx *ctx, const Job *job) {
  const Range *range = job->parameters;
  RedisModule_ReplyWithStringBuffer(ctx, (const char *)(job->inputs[0].tensor->values + range->offset),
                                    range->count * sizeof(float));
}

/** Off the main thread the reply is built there too: it is a copy as long as the vector. */
static void compute_read(Job *job) {
  if (job->client == NULL) return;
  RedisModuleCtx *ctx = RedisModule_GetThreadSafeContext(job->client);
  reply_range(ctx, job);
  RedisModule_FreeThreadSafeContext(ctx);
}

static void finish_read(RedisModuleCtx *ctx, Job *job) {
  if (job->client == NULL) reply_range(ctx, job);
}

/**
 * PEERGRAD.READ key offset count
 *
 * The floats from `offset` on as a bulk string. PGMISSING (also of what is not sealed); PGSHAPE beyond the end.
 */
COMMAND(command_read) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  if (argc != 4) return RedisModule_WrongArity(ctx);
  long long offset, count;
  if (!argument_whole(ctx, "offset", argv[2], 0, (long long)TENSOR_MAX, &offset)) return REDISMODULE_OK;
  if (!argument_whole(ctx, "count", argv[3], 0, (long long)TENSOR_MAX, &count)) return REDISMODULE_OK;
  Job *job = job_create(compute_read, 1, sizeof(Range));
  job->finish = finish_read;
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  size_t length = job->inputs[0].tensor->length;
  if ((size_t)(offset + count) > length) {
    reply_error(ctx, "PGSHAPE got %lld floats from %lld, expected no more than the length, %zu", count, offset, length);
    return job_drop(job);
  }
  *(Range *)job->parameters = (Range){(size_t)offset, (size_t)count};
  return job_run(ctx, job, (size_t)count > READ_INLINE ? (size_t)count : 0);
}

/**
 * PEERGRAD.INFO key
 *
 * [length, 1 when it is sealed, bytes of memory], or nil.
 */
COMMAND(command_info) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  if (argc != 2) return RedisModule_WrongArity(ctx);
  int wrong = 0;
  const Tensor *tensor = key_tensor(ctx, argv[1], &wrong);
  if (wrong) return reply_wrong_type(ctx);
  if (tensor == NULL) return RedisModule_ReplyWithNull(ctx);
  RedisModule_ReplyWithArray(ctx, 3);
  RedisModule_ReplyWithLongLong(ctx, (long long)tensor->length);
  RedisModule_ReplyWithLongLong(ctx, tensor->state == TENSOR_SEALED);
  return RedisModule_ReplyWithLongLong(ctx, (long long)tensor_bytes(tensor));
}
