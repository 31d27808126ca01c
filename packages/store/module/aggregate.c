/* One vector of many: AVERAGE and AGGREGATE. */
#include "arguments.h"
#include "commands.h"
#include "kernels.h"
#include "rules.h"
#include "work.h"

#include <math.h>
#include <string.h>

/** The values of the job's inputs from a coordinate on; to be freed. */
static const float **values_from(const Job *job, size_t at) {
  const float **values = RedisModule_Alloc(job->inputCount * sizeof *values);
  for (size_t k = 0; k < job->inputCount; k++) values[k] = job->inputs[k].tensor->values + at;
  return values;
}

/** Holds the inputs, all of one length, and makes the output of that length. */
static int hold_all(RedisModuleCtx *ctx, Job *job, RedisModuleString **argv, int count, size_t n) {
  if (!job_hold(ctx, job, argv + count + 1, n)) return 0;
  size_t length = job->inputs[0].tensor->length;
  for (size_t k = 1; k < n; k++)
    if (!job_shape(ctx, job, k, length)) return 0;
  return job_room(ctx, length) && job_output(ctx, job, argv[1], length);
}

static void compute_average(Job *job) {
  Tensor *out = job->outputs[0].tensor;
  const float **values = values_from(job, 0);
  kernel_mean(out->values, values, job->inputCount, out->length);
  RedisModule_Free(values);
}

/**
 * PEERGRAD.AVERAGE to n key... [PX ms]
 *
 * to = kernels.mean of the n vectors. n from 1 to 1,000,000; all of one length (PGSHAPE). OK, SAME, PGCONFLICT, PGMISSING,
 * PGARGUMENT, OOM.
 */
COMMAND(command_average) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_many_keys(ctx, argv, argc, 2);
  if (argc < 4) return RedisModule_WrongArity(ctx);
  size_t n;
  if (!argument_count(ctx, argv, argc, 2, AVERAGE_MAX, &n)) return REDISMODULE_OK;
  Job *job = job_create(compute_average, n, 0);
  if (!argument_rest(ctx, argv, argc, 3 + (int)n, &job->expiry)) return job_drop(job);
  if (!hold_all(ctx, job, argv, 2, n)) return job_drop(job);
  return job_run(ctx, job, (n + 1) * job->outputs[0].tensor->length);
}

typedef struct Aggregate {
  Rule rule;
  size_t split;
  float weights[INPUTS_MAX];
} Aggregate;

static void compute_aggregate(Job *job) {
  const Aggregate *aggregate = job->parameters;
  Tensor *out = job->outputs[0].tensor;
  for (size_t k = 0; k < job->inputCount; k++)
    if (!job_finite(job, job->inputs[k].tensor, job->inputs[k].key)) return;
  Buffer scratch = {NULL, 0};
  if (aggregate->rule.name == RULE_CLIP) {
    scratch = job_take(job, aggregate->split);
    if (scratch.memory == NULL) return;
  }
  size_t bounds[3] = {0, aggregate->split, out->length};
  for (int part = 0; part < 2; part++) {
    size_t length = bounds[part + 1] - bounds[part];
    if (length == 0) continue;
    Rule rule = aggregate->rule;
    rule.scratch = buffer_floats(scratch);
    /* a model's buffers are not near zero, and clipping makes no sense of them */
    if (part == 1 && rule.name == RULE_CLIP) rule.name = RULE_MEDIAN;
    const float **values = values_from(job, bounds[part]);
    rule_apply(&rule, out->values + bounds[part], values, job->inputCount, length);
    RedisModule_Free(values);
  }
  buffer_release(scratch);
  job_finite(job, out, job->outputs[0].key);
}

enum { OPTION_F = 1, OPTION_M = 2, OPTION_TAU = 4, OPTION_ITERATIONS = 8, OPTION_MEDIAN = 16, OPTION_WEIGHTS = 32 };

static const struct {
  const char *name;
  /** the options that it needs: it takes no others */
  int options;
  int columns;
} RULES[] = {[RULE_MEAN] = {"MEAN", 0, 0},
             [RULE_WEIGHTED] = {"WEIGHTED", OPTION_WEIGHTS, 0},
             [RULE_MEDIAN] = {"MEDIAN", 0, 1},
             [RULE_TRIMMED] = {"TRIMMED", OPTION_F, 1},
             [RULE_MEAMED] = {"MEAMED", OPTION_F, 1},
             [RULE_KRUM] = {"KRUM", OPTION_F, 0},
             [RULE_MULTIKRUM] = {"MULTIKRUM", OPTION_F | OPTION_M, 0},
             [RULE_CLIP] = {"CLIP", OPTION_TAU | OPTION_ITERATIONS | OPTION_MEDIAN, 1}};

static int read_rule(RedisModuleCtx *ctx, const RedisModuleString *argument, Rule *rule) {
  for (size_t k = 0; k < sizeof RULES / sizeof *RULES; k++)
    if (argument_is(argument, RULES[k].name)) {
      rule->name = (RuleName)k;
      return 1;
    }
  return argument_refuse(ctx, "rule", argument, "MEAN, WEIGHTED, MEDIAN, TRIMMED, MEAMED, KRUM, MULTIKRUM or CLIP");
}

/** One of the options with its value; its bit, or 0 after an error reply. */
static int read_option(RedisModuleCtx *ctx, const RedisModuleString *name, const RedisModuleString *value, Rule *rule) {
  long long number;
  if (argument_is(name, "F")) {
    if (!argument_whole(ctx, "F", value, 0, INPUTS_MAX, &number)) return 0;
    rule->f = (size_t)number;
    return OPTION_F;
  }
  if (argument_is(name, "M")) {
    if (!argument_whole(ctx, "M", value, 1, INPUTS_MAX, &number)) return 0;
    rule->m = (size_t)number;
    return OPTION_M;
  }
  if (argument_is(name, "TAU")) {
    if (!argument_number(ctx, "TAU", value, 0, &rule->tau)) return 0;
    if (rule->tau == 0) return argument_refuse(ctx, "TAU", value, "a number above 0");
    return OPTION_TAU;
  }
  if (argument_is(name, "ITERATIONS")) {
    if (!argument_whole(ctx, "ITERATIONS", value, 1, 1000, &number)) return 0;
    rule->iterations = (size_t)number;
    return OPTION_ITERATIONS;
  }
  if (argument_is(name, "MEDIAN")) {
    if (!argument_whole(ctx, "MEDIAN", value, 0, 1, &number)) return 0;
    rule->fromMedian = (int)number;
    return OPTION_MEDIAN;
  }
  return argument_refuse(ctx, "option", name, "F, M, TAU, ITERATIONS, MEDIAN, WEIGHTS or PX");
}

/** As core's `normalise`: w_i / (w_0 + w_1 + …) in float64, rounded. */
static int read_weights(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, size_t n, float *coefficients) {
  double weights[INPUTS_MAX], total = 0;
  if (argc < (int)n) {
    reply_error(ctx, "PGARGUMENT WEIGHTS: got %d, expected %zu", argc, n);
    return 0;
  }
  for (size_t k = 0; k < n; k++) {
    if (!argument_number(ctx, "WEIGHTS", argv[k], 0, &weights[k])) return 0;
    total += weights[k];
  }
  if (!(total > 0 && isfinite(total))) {
    reply_error(ctx, "PGARGUMENT WEIGHTS: got a sum of %g, expected a finite sum above 0", total);
    return 0;
  }
  for (size_t k = 0; k < n; k++) coefficients[k] = (float)(weights[k] / total);
  return OPTION_WEIGHTS;
}

/** What f and m may be, given n. */
static int check_rule(RedisModuleCtx *ctx, const Rule *rule, size_t n) {
  const char *name = RULES[rule->name].name;
  size_t least = rule->name == RULE_TRIMMED ? 2 * rule->f + 1 : rule->name == RULE_MEAMED ? rule->f + 1 : 1;
  if (rule->name == RULE_KRUM || rule->name == RULE_MULTIKRUM) least = rule->f + 3;
  if (n < least) {
    reply_error(ctx, "PGARGUMENT F: got %zu for %zu inputs, expected at least %zu inputs for %s", rule->f, n, least,
                name);
    return 0;
  }
  if (rule->name == RULE_MULTIKRUM && rule->m > n) {
    reply_error(ctx, "PGARGUMENT M: got %zu, expected at most the number of inputs, %zu", rule->m, n);
    return 0;
  }
  return 1;
}

static int read_aggregate(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, size_t n, Job *job) {
  Aggregate *aggregate = job->parameters;
  Rule *rule = &aggregate->rule;
  rule->weights = aggregate->weights;
  int options = 0, needed = RULES[rule->name].options;
  for (int at = 5 + (int)n; at < argc;) {
    int expiry = argument_expiry(ctx, argv, argc, &at, &job->expiry);
    if (expiry < 0) return 0;
    if (expiry > 0) continue;
    if (at + 1 == argc) return argument_refuse(ctx, "option", argv[at], "a name with a value after it");
    int weights = argument_is(argv[at], "WEIGHTS");
    int option = weights ? read_weights(ctx, argv + at + 1, argc - at - 1, n, aggregate->weights)
                         : read_option(ctx, argv[at], argv[at + 1], rule);
    if (option == 0) return 0;
    if (!(option & needed)) return argument_refuse(ctx, "option", argv[at], "none but those that the rule needs");
    options |= option;
    at += weights ? 1 + (int)n : 2;
  }
  if (options == needed) return check_rule(ctx, rule, n);
  static const char *const NAMES[] = {"F", "M", "TAU", "ITERATIONS", "MEDIAN", "WEIGHTS"};
  int first = 0;
  while (!((needed & ~options) >> first & 1)) first++;
  reply_error(ctx, "PGARGUMENT %s: got nothing, expected a value for rule %s", NAMES[first], RULES[rule->name].name);
  return 0;
}

/** About how often a rule reads its inputs. */
static size_t passes(const Aggregate *aggregate, size_t n) {
  const Rule *rule = &aggregate->rule;
  if (rule->name == RULE_KRUM || rule->name == RULE_MULTIKRUM) return n;
  return rule->name == RULE_CLIP ? 2 * rule->iterations : 1;
}

/**
 * PEERGRAD.AGGREGATE to rule parameters n key... [F f] [M m] [TAU t] [ITERATIONS k] [MEDIAN 0|1] [WEIGHTS w...] [PX ms]
 *
 * to = the rule over the n vectors: MEAN, WEIGHTED (WEIGHTS: n numbers from 0, not all 0), MEDIAN, TRIMMED (F), MEAMED (F),
 * KRUM (F), MULTIKRUM (F M), CLIP (TAU ITERATIONS MEDIAN: 1 to start from the median, 0 from zero); rules.h says what each
 * does. Each needs the options named, and takes no other. The first `parameters` floats and the rest (a model's buffers)
 * are two vectors to which the rule is applied apart, MEDIAN in the place of CLIP to the buffers. n from 1 to 1,024, to 64
 * for MEDIAN, TRIMMED, MEAMED and CLIP. PGNONFINITE key index for the first input, in the order given, that is not finite,
 * or the result. OK, SAME, PGCONFLICT, PGMISSING, PGSHAPE, PGARGUMENT, OOM.
 */
COMMAND(command_aggregate) {
  if (RedisModule_IsKeysPositionRequest(ctx)) return argument_many_keys(ctx, argv, argc, 4);
  if (argc < 6) return RedisModule_WrongArity(ctx);
  size_t n;
  long long split;
  Rule rule = {0};
  if (!read_rule(ctx, argv[2], &rule)) return REDISMODULE_OK;
  if (!argument_whole(ctx, "parameters", argv[3], 0, (long long)TENSOR_MAX, &split)) return REDISMODULE_OK;
  size_t most = RULES[rule.name].columns ? COLUMN_INPUTS : INPUTS_MAX;
  if (!argument_count(ctx, argv, argc, 4, most, &n)) return REDISMODULE_OK;
  Job *job = job_create(compute_aggregate, n, sizeof(Aggregate));
  *(Aggregate *)job->parameters = (Aggregate){.rule = rule, .split = (size_t)split};
  if (!read_aggregate(ctx, argv, argc, n, job)) return job_drop(job);
  if (!hold_all(ctx, job, argv, 4, n)) return job_drop(job);
  size_t length = job->outputs[0].tensor->length;
  if (!argument_parameters(ctx, (size_t)split, length)) return job_drop(job);
  if (rule.name == RULE_CLIP && !job_promise(ctx, job, (size_t)split)) return job_drop(job);
  return job_run(ctx, job, (n + 1) * length * passes(job->parameters, n));
}
