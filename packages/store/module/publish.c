/* What a job holds, and how its outputs become visible: on the main thread. */
#include "arguments.h"
#include "work.h"

Tensor *key_tensor(RedisModuleCtx *ctx, RedisModuleString *name, int *wrong) {
  RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_READ);
  if (key == NULL) return NULL;
  Tensor *tensor = NULL;
  if (RedisModule_ModuleTypeGetType(key) == tensorType) tensor = RedisModule_ModuleTypeGetValue(key);
  else *wrong = 1;
  RedisModule_CloseKey(key);
  return tensor;
}

static int sealed(const Tensor *tensor) { return tensor != NULL && tensor->state == TENSOR_SEALED; }

static void add_missing(Text *text, const RedisModuleString *key) {
  if (text->bytes == NULL) text_add(text, "PGMISSING");
  text_add(text, " ");
  text_add_string(text, key);
}

int job_hold(RedisModuleCtx *ctx, Job *job, RedisModuleString *const *keys, size_t count) {
  Text missing = {0};
  int wrong = 0;
  for (size_t k = 0; k < count; k++) {
    Tensor *tensor = key_tensor(ctx, keys[k], &wrong);
    if (!sealed(tensor)) {
      add_missing(&missing, keys[k]);
      continue;
    }
    job->inputs[job->inputCount++] =
        (Input){.key = hold_string(keys[k]), .tensor = tensor_hold(tensor)};
  }
  if (!wrong && missing.bytes == NULL) return 1;
  if (wrong) {
    text_free(&missing);
    reply_wrong_type(ctx);
  } else reply_text(ctx, &missing);
  return 0;
}

int job_shape(RedisModuleCtx *ctx, const Job *job, size_t input, size_t length) {
  size_t got = job->inputs[input].tensor->length;
  if (got == length) return 1;
  Text text = {0};
  text_add(&text, "PGSHAPE ");
  text_add_string(&text, job->inputs[input].key);
  text_add(&text, ": got %zu floats, expected %zu", got, length);
  reply_text(ctx, &text);
  return 0;
}

int job_room(RedisModuleCtx *ctx, size_t floats) {
  if (memory_fits(ctx, floats * sizeof(float))) return 1;
  reply_memory(ctx, floats * sizeof(float));
  return 0;
}

int job_promise(RedisModuleCtx *ctx, Job *job, size_t floats) {
  if (!job_room(ctx, floats)) return 0;
  job->promised += floats * sizeof(float);
  memory_promise(floats * sizeof(float));
  return 1;
}

int job_output(RedisModuleCtx *ctx, Job *job, RedisModuleString *key, size_t length) {
  int wrong = 0;
  /* two results under one key: OK would be a lie about one of them */
  for (size_t k = 0; k < job->outputCount; k++)
    if (RedisModule_StringCompare(job->outputs[k].key, key) == 0)
      return argument_refuse(ctx, "output", key, "a key of its own for each result");
  Tensor *existing = key_tensor(ctx, key, &wrong);
  if (wrong) {
    reply_wrong_type(ctx);
    return 0;
  }
  Tensor *tensor = length == SIZE_MAX ? NULL : tensor_create(length);
  if (length != SIZE_MAX && tensor == NULL) {
    reply_memory(ctx, length * sizeof(float));
    return 0;
  }
  job->outputs[job->outputCount++] = (Output){.key = hold_string(key),
                                              .tensor = tensor,
                                              .existing = sealed(existing) ? tensor_hold(existing) : NULL};
  return 1;
}

/** All inputs are still under their keys; else the reply is PGMISSING. */
static int inputs_stand(RedisModuleCtx *ctx, const Job *job) {
  Text missing = {0};
  int wrong = 0;
  for (size_t k = 0; k < job->inputCount; k++)
    if (key_tensor(ctx, job->inputs[k].key, &wrong) != job->inputs[k].tensor) add_missing(&missing, job->inputs[k].key);
  if (missing.bytes == NULL) return 1;
  reply_text(ctx, &missing);
  return 0;
}

/** How many outputs are there already with the same bits; SIZE_MAX after an error reply. */
static size_t outputs_there(RedisModuleCtx *ctx, const Job *job) {
  size_t there = 0;
  for (size_t k = 0; k < job->outputCount; k++) {
    const Output *output = &job->outputs[k];
    int wrong = 0;
    const Tensor *now = key_tensor(ctx, output->key, &wrong);
    if (wrong) {
      reply_wrong_type(ctx);
      return SIZE_MAX;
    }
    if (now == NULL) continue;
    /* compared on the worker, unless it has appeared since: two clients that compute the same at once */
    if (sealed(now) && (now == output->existing ? output->same : tensor_same(now, output->tensor))) {
      there++;
      continue;
    }
    Text text = {0};
    text_add(&text, "PGCONFLICT ");
    text_add_string(&text, output->key);
    text_add(&text, sealed(now) ? " holds other bits" : " is not sealed");
    reply_text(ctx, &text);
    return SIZE_MAX;
  }
  return there;
}

static void set_output(RedisModuleCtx *ctx, Output *output, long long expiry) {
  RedisModuleKey *key = RedisModule_OpenKey(ctx, output->key, REDISMODULE_WRITE);
  if (RedisModule_KeyType(key) == REDISMODULE_KEYTYPE_EMPTY) {
    RedisModule_ModuleTypeSetValue(key, tensorType, tensor_hold(output->tensor));
    output->published = 1;
    if (expiry != REDISMODULE_NO_EXPIRE) RedisModule_SetExpire(key, expiry);
  }
  RedisModule_CloseKey(key);
}

void replicate_expiry(RedisModuleCtx *ctx, RedisModuleString *key, long long milliseconds) {
  if (milliseconds != REDISMODULE_NO_EXPIRE)
    RedisModule_Replicate(ctx, "PEXPIREAT", "sl", key, RedisModule_Milliseconds() + milliseconds);
}

Published job_publish(RedisModuleCtx *ctx, Job *job) {
  if (job->error.bytes != NULL) {
    reply_text(ctx, &job->error);
    return PUBLISHED_NOT;
  }
  /* CLIENT PAUSE, during a failover: Redis asserts that nothing is propagated now, and a reply cannot be put off */
  if (job->client != NULL && RedisModule_AvoidReplicaTraffic()) {
    reply_error(ctx, "TRYAGAIN the server pauses writes: call again");
    return PUBLISHED_NOT;
  }
  if (!inputs_stand(ctx, job)) return PUBLISHED_NOT;
  size_t there = outputs_there(ctx, job);
  if (there == SIZE_MAX) return PUBLISHED_NOT;
  if (there == job->outputCount) {
    RedisModule_ReplyWithSimpleString(ctx, "SAME");
    return PUBLISHED_BEFORE;
  }
  for (size_t k = 0; k < job->outputCount; k++) set_output(ctx, &job->outputs[k], job->expiry);
  RedisModule_ReplicateVerbatim(ctx);
  for (size_t k = 0; k < job->outputCount; k++)
    if (job->outputs[k].published) replicate_expiry(ctx, job->outputs[k].key, job->expiry);
  RedisModule_ReplyWithSimpleString(ctx, "OK");
  return PUBLISHED_NOW;
}
