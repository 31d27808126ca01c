/*
 * One call whose arithmetic may be long: what it reads, what it makes, and how.
 *
 * A command checks its arguments, holds its inputs, and runs the job. A long one (more than WORK_INLINE floats) goes to
 * the one worker thread with its client blocked; the main thread publishes the outputs when it is done, all at once.
 * Then the keys are looked at again: an input that is gone by then (PGMISSING), an output that has become something
 * else (PGCONFLICT), a server that pauses writes for a failover (TRYAGAIN), and nothing changes. So the effect
 * is that of a command that ran, whole, at the moment of its reply; and that is what a replica is told: the same
 * command, after it succeeded, followed by the absolute expiry. Replicas, AOF loading, MULTI and scripts may not block:
 * there it runs at once.
 *
 * A client that disconnects gets no reply, and its outputs are dropped: nothing was published, nothing is replicated.
 */
#ifndef PEERGRAD_WORK_H
#define PEERGRAD_WORK_H

#include "memory.h"
#include "reply.h"
#include "tensor.h"

/** Floats that are read or written at once on the main thread: well under a millisecond. */
#define WORK_INLINE ((size_t)64 << 10)
/** Parameters and two state vectors. */
#define OUTPUTS_MAX 3

typedef struct Input {
  RedisModuleString *key;
  Tensor *tensor;
} Input;

typedef struct Output {
  RedisModuleString *key;
  /** NULL until compute made it */
  Tensor *tensor;
  /** what was there when the call began, and whether it has the same bits */
  Tensor *existing;
  int same;
  /** made visible by this call */
  int published;
} Output;

typedef struct Job Job;

struct Job {
  /** on either thread: fills the outputs, or `error` */
  void (*compute)(Job *job);
  /** on the main thread: replies. job_publish unless told otherwise */
  void (*finish)(RedisModuleCtx *ctx, Job *job);
  Input *inputs;
  size_t inputCount;
  Output outputs[OUTPUTS_MAX];
  size_t outputCount;
  /** an argument that compute or finish reads, or NULL */
  RedisModuleString *argument;
  /** bytes that compute has yet to take, see job_promise */
  size_t promised;
  /** of the outputs, in milliseconds, or REDISMODULE_NO_EXPIRE */
  long long expiry;
  /** the operation's own, freed with the job */
  void *parameters;
  Text error;
  /** NULL when it runs on the main thread */
  RedisModuleBlockedClient *client;
  Job *next;
};

Job *job_create(void (*compute)(Job *), size_t inputs, size_t parameterBytes);
void job_free(Job *job);

/** An argument that is read on the worker too, or after the command: freed by hand. */
RedisModuleString *hold_string(RedisModuleString *string);
/** Holds the tensors of the keys as inputs; else replies with WRONGTYPE, or PGMISSING and all that are, and is 0. */
int job_hold(RedisModuleCtx *ctx, Job *job, RedisModuleString *const *keys, size_t count);
/** Replies with PGSHAPE and is 0 unless the input has that length. */
int job_shape(RedisModuleCtx *ctx, const Job *job, size_t input, size_t length);
/** Replies with OOM and is 0 unless so many floats more fit. */
int job_room(RedisModuleCtx *ctx, size_t floats);
/** job_room for what compute takes: no other call is given this room meanwhile. */
int job_promise(RedisModuleCtx *ctx, Job *job, size_t floats);
/**
 * Adds an output key, which none of the others may be (PGARGUMENT). With `length` its tensor is made here; without
 * (SIZE_MAX) compute makes it. 0 after a reply.
 */
int job_output(RedisModuleCtx *ctx, Job *job, RedisModuleString *key, size_t length);
/** Makes the tensor of an output, of promised room, on either thread; else sets the job's error and is 0. */
int job_make(Job *job, size_t output, size_t length);
/** Scratch of promised room, on either thread; else sets the job's error, and its memory is NULL. */
Buffer job_take(Job *job, size_t floats);
/** Sets the job's error to PGNONFINITE and is 0 when the tensor, which `key` names, holds a NaN or an infinity. */
int job_finite(Job *job, const Tensor *tensor, const RedisModuleString *key);
/** Runs it here or on the worker, `floats` being what it reads and writes. Takes the job over. */
int job_run(RedisModuleCtx *ctx, Job *job, size_t floats);
/** Refuses it: frees it after a reply was given. */
int job_drop(Job *job);

typedef enum Published { PUBLISHED_NOT, PUBLISHED_NOW, PUBLISHED_BEFORE } Published;

/** Makes the outputs appear, replicates, and replies: an error, OK, or SAME. */
Published job_publish(RedisModuleCtx *ctx, Job *job);

/** The tensor of a key, or NULL; *wrong is set when the key holds something else. */
Tensor *key_tensor(RedisModuleCtx *ctx, RedisModuleString *key, int *wrong);
/** Tells replicas and AOF that a key of the command just replicated expires at an absolute time. */
void replicate_expiry(RedisModuleCtx *ctx, RedisModuleString *key, long long milliseconds);

/** Frees memory on the worker thread. */
void work_free(void *memory);
int work_start(void);

#endif
