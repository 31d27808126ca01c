/* What of an update is worth sending, and what waits for the next round. */
#include "arguments.h"
#include "commands.h"
#include "kernels.h"
#include "work.h"

#include <math.h>
#include <string.h>

typedef struct Filter {
  int whole;
  double threshold;
} Filter;

enum { MODEL = 0, UPDATE = 1, RESIDUAL = 2 };
enum { SENT = 0, REST = 1 };

static void accumulate(const Job *job, float *out, size_t length) {
  static const float ZEROS[KERNEL_BLOCK];
  const float *update = job->inputs[UPDATE].tensor->values;
  const float *residual = job->inputCount > RESIDUAL ? job->inputs[RESIDUAL].tensor->values : NULL;
  for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
    size_t count = length - at < KERNEL_BLOCK ? length - at : KERNEL_BLOCK;
    kernel_sum2(out + at, residual == NULL ? ZEROS : residual + at, update + at, count);
  }
}

static inline int significant(float sum, float weight, float threshold) {
  return fabsf(sum) > threshold * fabsf(weight);
}

KERNEL static size_t count_significant(const float *sum, const float *model, float threshold, size_t length) {
  size_t total = 0;
  for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
    size_t end = length - at < KERNEL_BLOCK ? length : at + KERNEL_BLOCK;
    uint32_t count = 0;
    for (size_t i = at; i < end; i++) count += (uint32_t)significant(sum[i], model[i], threshold);
    total += count;
  }
  return total;
}

/** Makes a vector off the main thread; the error is set when it cannot. */
static Tensor *make(Job *job, size_t length) {
  Tensor *tensor = tensor_create(length);
  if (tensor == NULL) text_add(&job->error, "OOM no memory for %zu floats", length);
  return tensor;
}

static void split_by_parameter(Job *job, float threshold) {
  const float *model = job->inputs[MODEL].tensor->values;
  Tensor *rest = job->outputs[REST].tensor;
  size_t k = count_significant(rest->values, model, threshold, rest->length);
  Tensor *sent = job->outputs[SENT].tensor = make(job, 1 + 2 * k);
  if (sent == NULL) return;
  uint32_t number = (uint32_t)k;
  memcpy(sent->values, &number, sizeof number);
  char *indices = (char *)(sent->values + 1);
  float *values = sent->values + 1 + k;
  size_t at = 0;
  for (size_t i = 0; i < rest->length && at < k; i++) {
    if (!significant(rest->values[i], model[i], threshold)) continue;
    uint32_t index = (uint32_t)i;
    memcpy(indices + at * sizeof index, &index, sizeof index);
    values[at++] = rest->values[i];
    rest->values[i] = 0;
  }
}

static void split_whole(Job *job, double threshold) {
  Tensor *sum = job->outputs[REST].tensor;
  const Tensor *model = job->inputs[MODEL].tensor;
  double norm = sqrt(kernel_squared_norm(sum->values, sum->length));
  int all = norm / sqrt(kernel_squared_norm(model->values, model->length)) > threshold;
  Tensor *other = make(job, all ? sum->length : 0);
  if (other == NULL) return;
  job->outputs[SENT].tensor = all ? sum : other;
  job->outputs[REST].tensor = all ? other : sum;
  if (all) memset(other->values, 0, other->length * sizeof(float));
}

static void compute_filter(Job *job) {
  const Filter *filter = job->parameters;
  Tensor *rest = job->outputs[REST].tensor;
  accumulate(job, rest->values, rest->length);
  if (filter->whole) split_whole(job, filter->threshold);
  else split_by_parameter(job, (float)filter->threshold);
}

static int read_filter(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, Job *job, int *fresh) {
  Filter *filter = job->parameters;
  if (argument_is(argv[1], "MODEL")) filter->whole = 1;
  else if (!argument_is(argv[1], "PARAMETER")) return argument_refuse(ctx, "mode", argv[1], "PARAMETER or MODEL");
  float rounded;
  if (!argument_number(ctx, "threshold", argv[7], 0, &filter->threshold)) return 0;
  if (!argument_float(ctx, "threshold", argv[7], &rounded)) return 0;
  if (RedisModule_StringCompare(argv[5], argv[6]) == 0)
    return argument_refuse(ctx, "rest", argv[6], "another key than sent");
  for (int at = 8; at < argc;) {
    int expiry = argument_expiry(ctx, argv, argc, &at, &job->expiry);
    if (expiry < 0) return 0;
    if (expiry > 0) continue;
    if (!argument_is(argv[at], "FRESH")) return argument_refuse(ctx, "option", argv[at], "FRESH or PX");
    *fresh = 1;
    at++;
  }
  return 1;
}

static int filter_keys(RedisModuleCtx *ctx, int argc) {
  argument_keys(ctx, argc, 2, 4, KEY_INPUT);
  return argument_keys(ctx, argc, 5, 6, KEY_OUTPUT);
}

/**
 * PEERGRAD.FILTER mode model update residual sent rest threshold [FRESH] [PX ms]
 *
 * acc = residual + update, in float32; with FRESH the residual is zeros, and its key is not read.
 *
 * PARAMETER: coordinate i is significant when |acc_i| > threshold·|model_i|, threshold and product rounded to float32.
 * `sent` becomes a vector of 1 + 2k words: k as uint32, k ascending indices as uint32, k values; their bits lie in the
 * places of floats, so it is not a vector to compute with. `rest` is acc with 0 in their places.
 * MODEL: when ‖acc‖/‖model‖ > threshold (float64, kernels.squaredNorm) `sent` is acc and `rest` zeros; else `sent` has
 * length 0 and `rest` is acc.
 *
 * Both keys at once. OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE, PGARGUMENT; OOM as if all were significant.
 */
COMMAND(command_filter) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return filter_keys(ctx, argc);
  if (argc < 8) return RedisModule_WrongArity(ctx);
  Job *job = job_create(compute_filter, 3, sizeof(Filter));
  int fresh = 0;
  if (!read_filter(ctx, argv, argc, job, &fresh)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 2, fresh ? 2 : 3)) return job_drop(job);
  size_t length = job->inputs[MODEL].tensor->length;
  for (size_t k = 1; k < job->inputCount; k++)
    if (!job_shape(ctx, job, k, length)) return job_drop(job);
  size_t bytes = (1 + (((const Filter *)job->parameters)->whole ? 2 : 3) * length) * sizeof(float);
  if (!memory_fits(ctx, bytes)) {
    reply_memory(ctx, bytes);
    return job_drop(job);
  }
  if (!job_output(ctx, job, argv[5], SIZE_MAX) || !job_output(ctx, job, argv[6], length)) return job_drop(job);
  return job_run(ctx, job, 4 * length);
}
