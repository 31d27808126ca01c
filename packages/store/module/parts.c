/* Parts of vectors, and vectors of parts: SLICE, JOIN. */
#include "arguments.h"
#include "commands.h"
#include "work.h"

#include <string.h>

static void compute_slice(Job *job) {
  size_t offset = *(const size_t *)job->parameters;
  Tensor *out = job->outputs[0].tensor;
  memcpy(out->values, job->inputs[0].tensor->values + offset, out->length * sizeof(float));
}

/**
 * PEERGRAD.SLICE from to offset length [PX ms]
 *
 * to = `length` floats from `offset` on. OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE beyond the end, PGARGUMENT, OOM.
 */
COMMAND(command_slice) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_from_to(ctx, argc);
  if (argc < 5) return RedisModule_WrongArity(ctx);
  long long offset, length;
  if (!argument_whole(ctx, "offset", argv[3], 0, (long long)TENSOR_MAX, &offset)) return REDISMODULE_OK;
  if (!argument_whole(ctx, "length", argv[4], 0, (long long)TENSOR_MAX, &length)) return REDISMODULE_OK;
  Job *job = job_create(compute_slice, 1, sizeof(size_t));
  *(size_t *)job->parameters = (size_t)offset;
  if (!argument_rest(ctx, argv, argc, 5, &job->expiry)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  size_t whole = job->inputs[0].tensor->length;
  if ((size_t)(offset + length) > whole) {
    reply_error(ctx, "PGSHAPE got %lld floats from %lld, expected no more than the length, %zu", length, offset, whole);
    return job_drop(job);
  }
  if (!job_room(ctx, (size_t)length) || !job_output(ctx, job, argv[2], (size_t)length)) return job_drop(job);
  return job_run(ctx, job, 2 * (size_t)length);
}

static void compute_join(Job *job) {
  float *out = job->outputs[0].tensor->values;
  for (size_t k = 0; k < job->inputCount; k++) {
    const Tensor *part = job->inputs[k].tensor;
    memcpy(out, part->values, part->length * sizeof(float));
    out += part->length;
  }
}

/**
 * PEERGRAD.JOIN to n key... [PX ms]
 *
 * to = the n vectors one after the other. n from 1 to 1,024. OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE for a vector longer
 * than there can be, PGARGUMENT, OOM.
 */
COMMAND(command_join) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_many_keys(ctx, argv, argc, 2);
  if (argc < 4) return RedisModule_WrongArity(ctx);
  size_t n, length = 0;
  if (!argument_count(ctx, argv, argc, 2, INPUTS_MAX, &n)) return REDISMODULE_OK;
  Job *job = job_create(compute_join, n, 0);
  if (!argument_rest(ctx, argv, argc, 3 + (int)n, &job->expiry)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 3, n)) return job_drop(job);
  for (size_t k = 0; k < n; k++) length += job->inputs[k].tensor->length;
  if (length > TENSOR_MAX) {
    reply_error(ctx, "PGSHAPE got %zu floats, expected at most %zu", length, TENSOR_MAX);
    return job_drop(job);
  }
  if (!job_room(ctx, length) || !job_output(ctx, job, argv[1], length)) return job_drop(job);
  return job_run(ctx, job, 2 * length);
}
