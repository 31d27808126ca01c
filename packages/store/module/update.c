/* The next version of a model from the last one and a gradient. */
#include "arguments.h"
#include "commands.h"
#include "kernels.h"
#include "work.h"

#include <string.h>

typedef enum Optimiser { SGD, MOMENTUM, ADAM } Optimiser;

static const struct {
  const char *name;
  int coefficients;
  /** vectors of state */
  size_t states;
} OPTIMISERS[] = {[SGD] = {"SGD", 2, 0}, [MOMENTUM] = {"MOMENTUM", 4, 1}, [ADAM] = {"ADAM", 9, 2}};

typedef struct Update {
  Optimiser optimiser;
  size_t parameters;
  /** keys of the state before and after, as many as the optimiser has; NULL before: zeros */
  RedisModuleString **before, **after;
  SgdCoefficients sgd;
  MomentumCoefficients momentum;
  AdamCoefficients adam;
} Update;

static const float *state_of(const Job *job, size_t k) {
  return job->inputCount > 2 + k ? job->inputs[2 + k].tensor->values : NULL;
}

static void compute_update(Job *job) {
  const Update *update = job->parameters;
  const float *p = job->inputs[0].tensor->values;
  const float *g = job->inputs[1].tensor->values;
  Tensor *out = job->outputs[0].tensor;
  size_t n = update->parameters;
  if (update->optimiser == SGD) kernel_sgd(out->values, p, g, update->sgd, n);
  else if (update->optimiser == MOMENTUM)
    kernel_momentum(out->values, job->outputs[1].tensor->values, p, state_of(job, 0), g, update->momentum, n);
  else
    kernel_adam(out->values, job->outputs[1].tensor->values, job->outputs[2].tensor->values, p, state_of(job, 0),
                state_of(job, 1), g, update->adam, n);
  memcpy(out->values + n, g + n, (out->length - n) * sizeof(float));
  for (size_t k = 0; k < job->outputCount; k++) {
    if (job_finite(job, job->outputs[k].tensor, job->outputs[k].key)) continue;
    // a gradient that is not finite makes no output finite there: it is named rather than the output
    if (kernel_first_non_finite(g, job->inputs[1].tensor->length) == job->inputs[1].tensor->length) return;
    text_free(&job->error);
    job_finite(job, job->inputs[1].tensor, job->inputs[1].key);
    return;
  }
}

/** Index of an optimiser, or the number of them. */
static size_t optimiser_of(const RedisModuleString *name) {
  size_t known = sizeof OPTIMISERS / sizeof *OPTIMISERS, k = 0;
  while (k < known && !argument_is(name, OPTIMISERS[k].name)) k++;
  return k;
}

static int read_optimiser(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, Update *update) {
  size_t k = optimiser_of(argv[5]);
  if (k == sizeof OPTIMISERS / sizeof *OPTIMISERS) return argument_refuse(ctx, "optimiser", argv[5], "SGD, MOMENTUM or ADAM");
  update->optimiser = (Optimiser)k;
  if (argc - 6 < OPTIMISERS[k].coefficients) {
    reply_error(ctx, "PGARGUMENT %s: got %d coefficients, expected %d", OPTIMISERS[k].name, argc - 6,
                OPTIMISERS[k].coefficients);
    return 0;
  }
  RedisModuleString **at = argv + 6;
  SgdCoefficients *s = &update->sgd;
  MomentumCoefficients *m = &update->momentum;
  AdamCoefficients *a = &update->adam;
  if (k == SGD)
    return argument_float(ctx, "alpha", at[0], &s->alpha) && argument_float(ctx, "lambda", at[1], &s->lambda);
  if (k == MOMENTUM) {
    long long nesterov;
    if (!argument_float(ctx, "alpha", at[0], &m->alpha) || !argument_float(ctx, "lambda", at[1], &m->lambda) ||
        !argument_float(ctx, "mu", at[2], &m->mu) || !argument_whole(ctx, "nesterov", at[3], 0, 1, &nesterov))
      return 0;
    m->nesterov = (int)nesterov;
    return 1;
  }
  return argument_float(ctx, "alpha", at[0], &a->alpha) && argument_float(ctx, "lambda", at[1], &a->lambda) &&
         argument_float(ctx, "kappa", at[2], &a->kappa) && argument_float(ctx, "beta1", at[3], &a->beta1) &&
         argument_float(ctx, "gamma1", at[4], &a->gamma1) && argument_float(ctx, "beta2", at[5], &a->beta2) &&
         argument_float(ctx, "gamma2", at[6], &a->gamma2) && argument_float(ctx, "sigma", at[7], &a->sigma) &&
         argument_float(ctx, "epsilon", at[8], &a->epsilon);
}

static int read_update(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, Job *job) {
  Update *update = job->parameters;
  if (!read_optimiser(ctx, argv, argc, update)) return 0;
  int states = (int)OPTIMISERS[update->optimiser].states;
  for (int at = 6 + OPTIMISERS[update->optimiser].coefficients; at < argc;) {
    int expiry = argument_expiry(ctx, argv, argc, &at, &job->expiry);
    if (expiry < 0) return 0;
    if (expiry > 0) continue;
    RedisModuleString ***keys = argument_is(argv[at], "STATE") ? &update->before
                                : argument_is(argv[at], "NEXT") ? &update->after
                                                                : NULL;
    if (keys != NULL && *keys == NULL && states > 0 && at + states < argc) {
      *keys = argv + at + 1;
      at += 1 + states;
    } else
      return argument_refuse(ctx, "option", argv[at], "PX ms, STATE and NEXT with a key for each vector of state, once");
  }
  if (states == 0 || update->after != NULL) return 1;
  reply_error(ctx, "PGARGUMENT NEXT: got nothing, expected %d keys for the state of %s", states,
              OPTIMISERS[update->optimiser].name);
  return 0;
}

/** Holds from, gradient and from's state, and checks their lengths. */
static int hold_inputs(RedisModuleCtx *ctx, RedisModuleString **argv, Job *job) {
  const Update *update = job->parameters;
  size_t states = update->before == NULL ? 0 : OPTIMISERS[update->optimiser].states;
  RedisModuleString *keys[4] = {argv[1], argv[3]};
  for (size_t k = 0; k < states; k++) keys[2 + k] = update->before[k];
  if (!job_hold(ctx, job, keys, 2 + states) || !job_shape(ctx, job, 1, job->inputs[0].tensor->length)) return 0;
  if (!argument_parameters(ctx, update->parameters, job->inputs[0].tensor->length)) return 0;
  for (size_t k = 0; k < states; k++)
    if (!job_shape(ctx, job, 2 + k, update->parameters)) return 0;
  return 1;
}

static int make_outputs(RedisModuleCtx *ctx, RedisModuleString **argv, Job *job) {
  const Update *update = job->parameters;
  size_t states = OPTIMISERS[update->optimiser].states, length = job->inputs[0].tensor->length;
  if (!job_room(ctx, length + states * update->parameters) || !job_output(ctx, job, argv[2], length)) return 0;
  for (size_t k = 0; k < states; k++)
    if (!job_output(ctx, job, update->after[k], update->parameters)) return 0;
  return 1;
}

static int update_keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  argument_keys(ctx, argc, 2, 2, KEY_OUTPUT);
  argument_keys(ctx, argc, 3, 3, KEY_INPUT);
  size_t k = argc > 5 ? optimiser_of(argv[5]) : 0;
  if (k == sizeof OPTIMISERS / sizeof *OPTIMISERS) return REDISMODULE_OK;
  int states = (int)OPTIMISERS[k].states;
  for (int at = 6 + OPTIMISERS[k].coefficients; states > 0 && at + 1 < argc; at++) {
    if (!argument_is(argv[at], "STATE") && !argument_is(argv[at], "NEXT")) continue;
    argument_keys(ctx, argc, at + 1, at + states, argument_is(argv[at], "STATE") ? KEY_INPUT : KEY_OUTPUT);
    at += states;
  }
  return REDISMODULE_OK;
}

/**
 * PEERGRAD.UPDATE from to gradient parameters SGD alpha lambda [PX ms]
 * PEERGRAD.UPDATE from to gradient parameters MOMENTUM alpha lambda mu nesterov [STATE v] NEXT v …
 * PEERGRAD.UPDATE from to gradient parameters ADAM alpha lambda kappa beta1 gamma1 beta2 gamma2 sigma epsilon
 *                 [STATE m v] NEXT m v …
 *
 * to = one step of kernels.sgd, momentum or adam on the first `parameters` floats (coefficients are decimal numbers,
 * rounded to float32 here; nesterov is 0 or 1); the rest of `to`, a model's buffers, is the rest of `gradient`. The
 * optimiser's state, `parameters` floats each, is read from the keys of STATE, zeros when left out, and written to those
 * of NEXT.
 *
 * All keys appear at once; SAME when all were there before. PGNONFINITE key index for the gradient, or for an output
 * when it is none of the gradient's doing. OK, PGMISSING (every missing input), PGSHAPE, PGCONFLICT key, PGARGUMENT, OOM.
 */
COMMAND(command_update) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return update_keys(ctx, argv, argc);
  if (argc < 8) return RedisModule_WrongArity(ctx);
  long long parameters;
  if (!argument_whole(ctx, "parameters", argv[4], 0, (long long)TENSOR_MAX, &parameters)) return REDISMODULE_OK;
  if (RedisModule_StringCompare(argv[1], argv[2]) == 0) {
    argument_refuse(ctx, "to", argv[2], "another key than from: versions do not change");
    return REDISMODULE_OK;
  }
  Job *job = job_create(compute_update, 4, sizeof(Update));
  Update *update = job->parameters;
  update->parameters = (size_t)parameters;
  if (!read_update(ctx, argv, argc, job)) return job_drop(job);
  if (!hold_inputs(ctx, argv, job)) return job_drop(job);
  if (!make_outputs(ctx, argv, job)) return job_drop(job);
  size_t length = job->inputs[0].tensor->length;
  return job_run(ctx, job, 3 * length + 2 * OPTIMISERS[update->optimiser].states * update->parameters);
}
