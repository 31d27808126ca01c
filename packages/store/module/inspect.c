/* What a vector is: DIGEST, VERIFY, SAME. */
#include "arguments.h"
#include "commands.h"
#include "kernels.h"
#include "sha256.h"
#include "work.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Findings {
  char hex[65];
  /** index, or −1 */
  long long nonFinite;
  double norm;
  int same;
} Findings;

static void compute_digest(Job *job) {
  const Tensor *tensor = job->inputs[0].tensor;
  Findings *findings = job->parameters;
  /* a digest known when the call began was copied by the main thread, which alone looks at the tensor's own */
  if (findings->hex[0] == 0) sha256_hex(tensor->values, tensor->length * sizeof(float), findings->hex);
}

static void finish_digest(RedisModuleCtx *ctx, Job *job) {
  const Findings *findings = job->parameters;
  memcpy(job->inputs[0].tensor->digest, findings->hex, sizeof findings->hex);
  RedisModule_ReplyWithStringBuffer(ctx, findings->hex, 64);
}

/**
 * PEERGRAD.DIGEST key
 *
 * SHA-256 of the vector's bytes (little-endian float32), 64 lower-case hexadecimal digits. Computed once.
 */
COMMAND(command_digest) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  if (argc != 2) return RedisModule_WrongArity(ctx);
  Job *job = job_create(compute_digest, 1, sizeof(Findings));
  job->finish = finish_digest;
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  const Tensor *tensor = job->inputs[0].tensor;
  memcpy(((Findings *)job->parameters)->hex, tensor->digest, sizeof tensor->digest);
  return job_run(ctx, job, tensor->digest[0] != 0 ? 0 : tensor->length);
}

static void compute_verify(Job *job) {
  compute_digest(job);
  const Tensor *tensor = job->inputs[0].tensor;
  Findings *findings = job->parameters;
  size_t at = kernel_first_non_finite(tensor->values, tensor->length);
  findings->nonFinite = at == tensor->length ? -1 : (long long)at;
  findings->norm = sqrt(kernel_squared_norm(tensor->values, tensor->length));
}

static void finish_verify(RedisModuleCtx *ctx, Job *job) {
  const Findings *findings = job->parameters;
  char norm[40];
  int length = snprintf(norm, sizeof norm, "%.17g", findings->norm);
  RedisModule_ReplyWithArray(ctx, 3);
  finish_digest(ctx, job);
  RedisModule_ReplyWithLongLong(ctx, findings->nonFinite);
  RedisModule_ReplyWithStringBuffer(ctx, norm, (size_t)length);
}

/**
 * PEERGRAD.VERIFY key
 *
 * [digest, index of the first NaN or infinity or −1, Euclidean norm]. The norm is the square root of
 * kernels.squaredNorm in float64, as text of 17 digits (`nan`, `inf` when it is none).
 */
COMMAND(command_verify) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  if (argc != 2) return RedisModule_WrongArity(ctx);
  Job *job = job_create(compute_verify, 1, sizeof(Findings));
  job->finish = finish_verify;
  if (!job_hold(ctx, job, argv + 1, 1)) return job_drop(job);
  const Tensor *tensor = job->inputs[0].tensor;
  memcpy(((Findings *)job->parameters)->hex, tensor->digest, sizeof tensor->digest);
  return job_run(ctx, job, tensor->length);
}

static void compute_same(Job *job) {
  ((Findings *)job->parameters)->same = tensor_same(job->inputs[0].tensor, job->inputs[1].tensor);
}

static void finish_same(RedisModuleCtx *ctx, Job *job) {
  RedisModule_ReplyWithLongLong(ctx, ((const Findings *)job->parameters)->same);
}

/**
 * PEERGRAD.SAME a b
 *
 * 1 when both vectors have the same length and bits, else 0.
 */
COMMAND(command_same) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_keys(ctx, argc, 1, 2, KEY_INPUT);
  if (argc != 3) return RedisModule_WrongArity(ctx);
  Job *job = job_create(compute_same, 2, sizeof(Findings));
  job->finish = finish_same;
  if (!job_hold(ctx, job, argv + 1, 2)) return job_drop(job);
  return job_run(ctx, job, job->inputs[0].tensor->length);
}
