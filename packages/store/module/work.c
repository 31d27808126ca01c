#include "kernels.h"
#include "work.h"

#include <pthread.h>
#include <signal.h>

typedef struct Freed {
  struct Freed *next;
} Freed;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static Job *firstJob, *lastJob;
/** linked through the freed memory itself */
static Freed *freed;

static void compute(Job *job) {
  job->compute(job);
  if (job->error.bytes != NULL) return;
  for (size_t k = 0; k < job->outputCount; k++) {
    Output *output = &job->outputs[k];
    output->same = output->existing != NULL && tensor_same(output->existing, output->tensor);
  }
}

static void *work(void *nothing) {
  pthread_mutex_lock(&lock);
  for (;;) {
    while (firstJob == NULL && freed == NULL) pthread_cond_wait(&wake, &lock);
    Freed *garbage = freed;
    freed = NULL;
    Job *job = firstJob;
    if (job != NULL) firstJob = job->next;
    pthread_mutex_unlock(&lock);
    while (garbage != NULL) {
      Freed *next = garbage->next;
      RedisModule_Free(garbage);
      garbage = next;
    }
    if (job != NULL) {
      compute(job);
      RedisModule_UnblockClient(job->client, job);
    }
    pthread_mutex_lock(&lock);
  }
  return nothing;
}

int work_start(void) {
  /* signals are Redis' own: its handlers run on its main thread */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, NULL, work, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error == 0) pthread_detach(thread);
  return error == 0 ? REDISMODULE_OK : REDISMODULE_ERR;
}

void work_free(void *memory) {
  Freed *node = memory;
  pthread_mutex_lock(&lock);
  node->next = freed;
  freed = node;
  pthread_cond_signal(&wake);
  pthread_mutex_unlock(&lock);
}

static void enqueue(Job *job) {
  pthread_mutex_lock(&lock);
  if (firstJob == NULL) firstJob = job;
  else lastJob->next = job;
  lastJob = job;
  pthread_cond_signal(&wake);
  pthread_mutex_unlock(&lock);
}

static void publish(RedisModuleCtx *ctx, Job *job) { job_publish(ctx, job); }

static int on_reply(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  (void)argv, (void)argc;
  Job *job = RedisModule_GetBlockedClientPrivateData(ctx);
  job->finish(ctx, job);
  return REDISMODULE_OK;
}

static void on_free(RedisModuleCtx *ctx, void *job) {
  (void)ctx;
  job_free(job);
}

Job *job_create(void (*compute)(Job *), size_t inputs, size_t parameterBytes) {
  Job *job = RedisModule_Calloc(1, sizeof *job);
  job->compute = compute;
  job->finish = publish;
  job->expiry = REDISMODULE_NO_EXPIRE;
  if (inputs > 0) job->inputs = RedisModule_Calloc(inputs, sizeof *job->inputs);
  if (parameterBytes > 0) job->parameters = RedisModule_Calloc(1, parameterBytes);
  return job;
}

/** Trimmed now: Redis trims what a command held on to when that returns, while the worker may be reading it. */
RedisModuleString *hold_string(RedisModuleString *string) {
  RedisModuleString *held = RedisModule_HoldString(NULL, string);
  RedisModule_TrimStringAllocation(held);
  return held;
}

static void free_string(RedisModuleString *string) {
  if (string != NULL) RedisModule_FreeString(NULL, string);
}

void job_free(Job *job) {
  for (size_t k = 0; k < job->inputCount; k++) {
    free_string(job->inputs[k].key);
    tensor_release(job->inputs[k].tensor);
  }
  for (size_t k = 0; k < job->outputCount; k++) {
    free_string(job->outputs[k].key);
    tensor_release(job->outputs[k].tensor);
    tensor_release(job->outputs[k].existing);
  }
  memory_keep_promise(job->promised);
  free_string(job->argument);
  text_free(&job->error);
  RedisModule_Free(job->inputs);
  RedisModule_Free(job->parameters);
  RedisModule_Free(job);
}

int job_drop(Job *job) {
  job_free(job);
  return REDISMODULE_OK;
}

/** Of so many floats that were to be taken; `made` tells whether they were. */
static int keep_promise(Job *job, size_t floats, int made) {
  size_t bytes = floats * sizeof(float), kept = bytes < job->promised ? bytes : job->promised;
  job->promised -= kept;
  memory_keep_promise(kept);
  if (!made) text_add(&job->error, "OOM no memory for %zu floats", floats);
  return made;
}

int job_make(Job *job, size_t output, size_t length) {
  Tensor *tensor = job->outputs[output].tensor = tensor_create(length);
  return keep_promise(job, length, tensor != NULL);
}

Buffer job_take(Job *job, size_t floats) {
  Buffer buffer = buffer_take(floats * sizeof(float));
  keep_promise(job, floats, buffer.memory != NULL);
  return buffer;
}

int job_finite(Job *job, const Tensor *tensor, const RedisModuleString *key) {
  size_t at = kernel_first_non_finite(tensor->values, tensor->length);
  if (at == tensor->length) return 1;
  text_add(&job->error, "PGNONFINITE ");
  text_add_string(&job->error, key);
  text_add(&job->error, " %zu", at);
  return 0;
}

int job_run(RedisModuleCtx *ctx, Job *job, size_t floats) {
  int mayBlock = !(RedisModule_GetContextFlags(ctx) & (REDISMODULE_CTX_FLAGS_DENY_BLOCKING | REDISMODULE_CTX_FLAGS_LUA |
                                                       REDISMODULE_CTX_FLAGS_REPLICATED | REDISMODULE_CTX_FLAGS_LOADING));
  if (floats > WORK_INLINE && mayBlock) {
    job->client = RedisModule_BlockClient(ctx, on_reply, NULL, on_free, 0);
    enqueue(job);
    return REDISMODULE_OK;
  }
  compute(job);
  job->finish(ctx, job);
  return job_drop(job);
}
