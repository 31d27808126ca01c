/* What of an update is worth sending, and what waits for the next round. */
#include "arguments.h"
#include "commands.h"
#include "kernels.h"
#include "sparse.h"
#include "work.h"

#include <math.h>
#include <string.h>

typedef struct Filter {
  int whole;
  double threshold;
  size_t parameters;
} Filter;

enum { MODEL = 0, GRADIENT = 1, HELD = 2 };
enum { SENT = 0, REST = 1 };

static void accumulate(const Job *job, float *out, size_t length) {
  static const float ZEROS[KERNEL_BLOCK];
  const float *gradient = job->inputs[GRADIENT].tensor->values;
  const float *held = job->inputCount > HELD ? job->inputs[HELD].tensor->values : NULL;
  for (size_t at = 0; at < length; at += KERNEL_BLOCK) {
    size_t count = length - at < KERNEL_BLOCK ? length - at : KERNEL_BLOCK;
    kernel_sum2(out + at, held == NULL ? ZEROS : held + at, gradient + at, count);
  }
}

/** sent = the significant part of acc, zeros elsewhere; acc = what is left of it. */
KERNEL static void split_by_parameter(float *restrict sent, float *restrict acc, const float *restrict model,
                                      float threshold, size_t length) {
  for (size_t i = 0; i < length; i++) {
    int significant = fabsf(acc[i]) > threshold * fabsf(model[i]);
    float value = acc[i];
    sent[i] = significant ? value : 0;
    acc[i] = significant ? 0 : value;
  }
}

static void split_by_model(float *sent, float *acc, const float *model, double threshold, size_t length) {
  double ratio = sqrt(kernel_squared_norm(acc, length)) / sqrt(kernel_squared_norm(model, length));
  if (ratio > threshold) memcpy(sent, acc, length * sizeof(float));
  memset(ratio > threshold ? acc : sent, 0, length * sizeof(float));
}

/** The error names what brought it in: the gradient with its buffers, what was held back, or their sum. */
static int all_finite(Job *job, const Tensor *acc) {
  const Tensor *gradient = job->inputs[GRADIENT].tensor;
  size_t buffers = gradient->length - acc->length;
  int finite = kernel_first_non_finite(acc->values, acc->length) == acc->length &&
               kernel_first_non_finite(gradient->values + acc->length, buffers) == buffers;
  if (finite) return 1;
  for (size_t k = GRADIENT; k < job->inputCount; k++)
    if (!job_finite(job, job->inputs[k].tensor, job->inputs[k].key)) return 0;
  return job_finite(job, acc, job->outputs[REST].key);
}

static void compute_filter(Job *job) {
  const Filter *filter = job->parameters;
  const Tensor *gradient = job->inputs[GRADIENT].tensor;
  const float *model = job->inputs[MODEL].tensor->values;
  Tensor *rest = job->outputs[REST].tensor;
  size_t parameters = filter->parameters, length = gradient->length;
  accumulate(job, rest->values, parameters);
  if (!all_finite(job, rest) || !job_make(job, SENT, length)) return;
  Tensor *sent = job->outputs[SENT].tensor;
  if (filter->whole) split_by_model(sent->values, rest->values, model, filter->threshold, parameters);
  else split_by_parameter(sent->values, rest->values, model, (float)filter->threshold, parameters);
  memcpy(sent->values + parameters, gradient->values + parameters, (length - parameters) * sizeof(float));
  size_t k = sparse_count(sent->values, parameters);
  size_t words = sparse_words(length, parameters, k);
  if (words == length) return;
  if (job_make(job, SENT, words)) sparse_pack(job->outputs[SENT].tensor->values, sent->values, length, parameters, k);
  tensor_release(sent);
}

static int read_filter(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, Job *job, int *fresh) {
  Filter *filter = job->parameters;
  if (argument_is(argv[1], "MODEL")) filter->whole = 1;
  else if (!argument_is(argv[1], "PARAMETER")) return argument_refuse(ctx, "mode", argv[1], "PARAMETER or MODEL");
  long long parameters;
  float rounded;
  if (!argument_whole(ctx, "parameters", argv[7], 0, (long long)TENSOR_MAX, &parameters)) return 0;
  if (!argument_number(ctx, "threshold", argv[8], 0, &filter->threshold)) return 0;
  if (!argument_float(ctx, "threshold", argv[8], &rounded)) return 0;
  filter->parameters = (size_t)parameters;
  for (int at = 9; at < argc;) {
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
 * PEERGRAD.FILTER mode model gradient held sent rest parameters threshold [FRESH] [PX ms]
 *
 * acc = held + the first `parameters` floats of the gradient, in float32; with FRESH what was held back is zeros, and its
 * key is not read. What follows the parameters, a model's buffers, is sent whole.
 *
 * PARAMETER: coordinate i is sent when |acc_i| > threshold·|model_i|, threshold and product rounded to float32.
 * MODEL: all is sent when ‖acc‖/‖model‖ > threshold (float64, kernels.squaredNorm), else nothing.
 *
 * `sent` is the shorter form of that vector, zeros where nothing is sent (sparse.h); PEERGRAD.INFO tells how many words
 * there are. `rest`, of `parameters` floats, is acc with zeros where it is sent.
 *
 * Both keys at once. PGNONFINITE key index for the gradient, what was held back, or `rest` for their sum. OK, SAME,
 * PGCONFLICT, PGMISSING, PGSHAPE, PGARGUMENT; OOM as if all were sent.
 */
COMMAND(command_filter) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return filter_keys(ctx, argc);
  if (argc < 9) return RedisModule_WrongArity(ctx);
  Job *job = job_create(compute_filter, 3, sizeof(Filter));
  int fresh = 0;
  if (!read_filter(ctx, argv, argc, job, &fresh)) return job_drop(job);
  if (!job_hold(ctx, job, argv + 2, fresh ? 2 : 3)) return job_drop(job);
  size_t length = job->inputs[MODEL].tensor->length, parameters = ((const Filter *)job->parameters)->parameters;
  if (!argument_parameters(ctx, parameters, length) || !job_shape(ctx, job, GRADIENT, length)) return job_drop(job);
  if (!fresh && !job_shape(ctx, job, HELD, parameters)) return job_drop(job);
  if (!job_promise(ctx, job, 2 * length) || !job_room(ctx, parameters)) return job_drop(job);
  if (!job_output(ctx, job, argv[5], SIZE_MAX) || !job_output(ctx, job, argv[6], parameters)) return job_drop(job);
  return job_run(ctx, job, 4 * length);
}
