/* Vectors whose zeros do not travel: PACK, UNPACK. */
#include "arguments.h"
#include "commands.h"
#include "sparse.h"
#include "work.h"

typedef struct Packing {
  size_t parameters;
  size_t length;
} Packing;

static void compute_pack(Job *job) {
  const Packing *packing = job->parameters;
  Tensor *input = job->inputs[0].tensor;
  size_t k = sparse_count(input->values, packing->parameters);
  size_t words = sparse_words(input->length, packing->parameters, k);
  /* sealed vectors never change: a second key costs nothing */
  if (words == input->length) job->outputs[0].tensor = tensor_hold(input);
  else if (job_make(job, 0, words))
    sparse_pack(job->outputs[0].tensor->values, input->values, input->length, packing->parameters, k);
}

/**
 * PEERGRAD.PACK from to parameters [PX ms]
 *
 * to = the shorter form of the vector, of whose first `parameters` floats zeros may be left out (sparse.h). Words of the
 * sparse one lie in the places of floats, so it is not a vector to compute with; PEERGRAD.INFO tells how many there are.
 * OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE, PGARGUMENT; OOM as if nothing were zero.
 */
COMMAND(command_pack) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_from_to(ctx, argc);
  if (argc < 4) return RedisModule_WrongArity(ctx);
  long long parameters;
  if (!argument_whole(ctx, "parameters", argv[3], 0, (long long)TENSOR_MAX, &parameters)) return REDISMODULE_OK;
  Job *job = job_create(compute_pack, 1, sizeof(Packing));
  *(Packing *)job->parameters = (Packing){.parameters = (size_t)parameters};
  if (!argument_rest(ctx, argv, argc, 4, &job->expiry)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  size_t length = job->inputs[0].tensor->length;
  if (!argument_parameters(ctx, (size_t)parameters, length)) return job_drop(job);
  if (!job_promise(ctx, job, length) || !job_output(ctx, job, argv[2], SIZE_MAX)) return job_drop(job);
  return job_run(ctx, job, 2 * length);
}

static void compute_unpack(Job *job) {
  const Packing *packing = job->parameters;
  Tensor *input = job->inputs[0].tensor;
  if (input->length == packing->length) {
    job->outputs[0].tensor = tensor_hold(input);
    return;
  }
  if (!job_make(job, 0, packing->length)) return;
  size_t k = sparse_header(input->values, input->length, packing->length, packing->parameters);
  if (sparse_unpack(job->outputs[0].tensor->values, input->values, packing->length, packing->parameters, k)) return;
  text_add(&job->error, "PGCORRUPT sparse vector ");
  text_add_string(&job->error, job->inputs[0].key);
  text_add(&job->error, ": got indices that do not ascend, expected %zu below %zu", k, packing->parameters);
}

static int refuse_header(RedisModuleCtx *ctx, const Job *job) {
  Text text = {0};
  text_add(&text, "PGCORRUPT sparse vector ");
  text_add_string(&text, job->inputs[0].key);
  text_add(&text, ": got %zu words that nobody packs of %zu floats", job->inputs[0].tensor->length,
           ((const Packing *)job->parameters)->length);
  return reply_text(ctx, &text);
}

/**
 * PEERGRAD.UNPACK from to parameters length [PX ms]
 *
 * to = the vector of `length` floats that PEERGRAD.PACK made `from` of; safe whatever the words are: PGCORRUPT for what
 * it never makes. OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE, PGARGUMENT, OOM.
 */
COMMAND(command_unpack) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_from_to(ctx, argc);
  if (argc < 5) return RedisModule_WrongArity(ctx);
  long long parameters, length;
  if (!argument_whole(ctx, "parameters", argv[3], 0, (long long)TENSOR_MAX, &parameters)) return REDISMODULE_OK;
  if (!argument_whole(ctx, "length", argv[4], 0, (long long)TENSOR_MAX, &length)) return REDISMODULE_OK;
  if (!argument_parameters(ctx, (size_t)parameters, (size_t)length)) return REDISMODULE_OK;
  Job *job = job_create(compute_unpack, 1, sizeof(Packing));
  *(Packing *)job->parameters = (Packing){(size_t)parameters, (size_t)length};
  if (!argument_rest(ctx, argv, argc, 5, &job->expiry)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  const Tensor *input = job->inputs[0].tensor;
  /* before anything is allocated */
  if (input->length != (size_t)length &&
      sparse_header(input->values, input->length, (size_t)length, (size_t)parameters) == SIZE_MAX) {
    refuse_header(ctx, job);
    return job_drop(job);
  }
  if (!job_promise(ctx, job, (size_t)length) || !job_output(ctx, job, argv[2], SIZE_MAX)) return job_drop(job);
  return job_run(ctx, job, input->length + (size_t)length);
}
