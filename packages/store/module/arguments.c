#include "arguments.h"

#include "reply.h"
#include "tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** 317 years: the sum with the clock stays far from 2^63. */
#define EXPIRY_MAX 10000000000000

int argument_is(const RedisModuleString *argument, const char *word) {
  size_t length;
  const char *bytes = RedisModule_StringPtrLen(argument, &length);
  return length == strlen(word) && strncasecmp(bytes, word, length) == 0;
}

int argument_refuse(RedisModuleCtx *ctx, const char *name, const RedisModuleString *got, const char *expected) {
  Text text = {0};
  size_t length;
  RedisModule_StringPtrLen(got, &length);
  text_add(&text, "PGARGUMENT %s: got ", name);
  /* a blob in the wrong place is not repeated to the client */
  if (length > 64) text_add(&text, "%zu bytes", length);
  else {
    text_add(&text, "\"");
    text_add_string(&text, got);
    text_add(&text, "\"");
  }
  text_add(&text, ", expected %s", expected);
  reply_text(ctx, &text);
  return 0;
}

int argument_whole(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, long long least,
                   long long most, long long *value) {
  if (RedisModule_StringToLongLong(argument, value) == REDISMODULE_OK && *value >= least && *value <= most) return 1;
  Text expected = {0};
  text_add(&expected, "a whole number from %lld to %lld", least, most);
  argument_refuse(ctx, name, argument, expected.bytes);
  text_free(&expected);
  return 0;
}

/** strtod's decimal forms only: no blank before, no hexadecimal, no nan or infinity. */
static int parse(const RedisModuleString *argument, double *value) {
  size_t length;
  const char *bytes = RedisModule_StringPtrLen(argument, &length);
  if (length == 0 || length > 64 || strspn(bytes, "+-.0123456789eE") != length) return 0;
  char *end;
  *value = strtod(bytes, &end);
  return end == bytes + length && isfinite(*value);
}

int argument_number(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, double least,
                    double *value) {
  if (parse(argument, value) && *value >= least) return 1;
  Text expected = {0};
  text_add(&expected, "a finite number from %g", least);
  argument_refuse(ctx, name, argument, expected.bytes);
  text_free(&expected);
  return 0;
}

int argument_float(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, float *value) {
  double number;
  if (parse(argument, &number) && isfinite((float)number)) {
    *value = (float)number;
    return 1;
  }
  return argument_refuse(ctx, name, argument, "a number that is a finite float32");
}

int argument_blob(RedisModuleCtx *ctx, const RedisModuleString *argument, const char **bytes, size_t *length) {
  size_t size;
  *bytes = RedisModule_StringPtrLen(argument, &size);
  *length = size / sizeof(float);
  if (size % sizeof(float) == 0 && *length <= TENSOR_MAX) return 1;
  reply_error(ctx, "PGSHAPE got a blob of %zu bytes, expected whole float32 values, at most %zu", size, TENSOR_MAX);
  return 0;
}

int argument_expiry(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int *at, long long *milliseconds) {
  if (!argument_is(argv[*at], "PX")) return 0;
  if (*at + 1 == argc) {
    reply_error(ctx, "PGARGUMENT PX: got nothing, expected milliseconds after it");
    return -1;
  }
  if (!argument_whole(ctx, "PX", argv[*at + 1], 1, EXPIRY_MAX, milliseconds)) return -1;
  *at += 2;
  return 1;
}

int argument_rest(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int at, long long *milliseconds) {
  while (at < argc) {
    int expiry = argument_expiry(ctx, argv, argc, &at, milliseconds);
    if (expiry < 0) return 0;
    if (expiry == 0) return argument_refuse(ctx, "option", argv[at], "PX milliseconds or nothing");
  }
  return 1;
}

int argument_keys(RedisModuleCtx *ctx, int argc, int first, int last, int flags) {
  for (int at = first; at <= last && at < argc; at++) RedisModule_KeyAtPosWithFlags(ctx, at, flags);
  return REDISMODULE_OK;
}

int argument_from_to(RedisModuleCtx *ctx, int argc) {
  argument_keys(ctx, argc, 1, 1, KEY_INPUT);
  return argument_keys(ctx, argc, 2, 2, KEY_OUTPUT);
}

int argument_many_keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int count) {
  long long n;
  argument_keys(ctx, argc, 1, 1, KEY_OUTPUT);
  if (count < argc && RedisModule_StringToLongLong(argv[count], &n) == REDISMODULE_OK && n > 0)
    argument_keys(ctx, argc, count + 1, n < argc - count ? count + (int)n : argc - 1, KEY_INPUT);
  return REDISMODULE_OK;
}

int argument_count(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int count, size_t most, size_t *n) {
  long long number;
  if (!argument_whole(ctx, "n", argv[count], 1, (long long)most, &number)) return 0;
  if (number > argc - count - 1) {
    reply_error(ctx, "PGARGUMENT n: got %d keys, expected %lld", argc - count - 1, number);
    return 0;
  }
  *n = (size_t)number;
  return 1;
}

int argument_parameters(RedisModuleCtx *ctx, size_t parameters, size_t length) {
  if (parameters <= length) return 1;
  reply_error(ctx, "PGSHAPE parameters: got %zu, expected at most the length, %zu", parameters, length);
  return 0;
}
