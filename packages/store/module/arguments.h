/*
 * Reads arguments. Each function that can fail replies with PGARGUMENT (what was got, what was expected) and returns 0;
 * nothing was changed then.
 */
#ifndef PEERGRAD_ARGUMENTS_H
#define PEERGRAD_ARGUMENTS_H

#include "redis.h"

/** Most inputs of one command, and of AVERAGE: as many minibatches as a peer may have. */
#define INPUTS_MAX 1024
#define AVERAGE_MAX 1000000

/** Case-insensitive. */
int argument_is(const RedisModuleString *argument, const char *word);
int argument_refuse(RedisModuleCtx *ctx, const char *name, const RedisModuleString *got, const char *expected);
int argument_whole(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, long long least,
                   long long most, long long *value);
/** A finite decimal number from `least`. */
int argument_number(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, double least,
                    double *value);
/** A number that is rounded to float32 and still finite. */
int argument_float(RedisModuleCtx *ctx, const char *name, const RedisModuleString *argument, float *value);
/** Little-endian float32: a whole number of them. Their address has no alignment. */
int argument_blob(RedisModuleCtx *ctx, const RedisModuleString *argument, const char **bytes, size_t *length);

/**
 * Called at argv[*at]: 1 and *at after it when that is `PX milliseconds`, 0 when it is something else, −1 after an
 * error reply.
 */
int argument_expiry(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int *at, long long *milliseconds);
/** Nothing but an optional PX from argv[at] on. */
int argument_rest(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int at, long long *milliseconds);

/** Answers a request for key positions with argv[first … last]. */
int argument_keys(RedisModuleCtx *ctx, int argc, int first, int last, int flags);

/** Answers a request for key positions: argv[1] is read, argv[2] written. */
int argument_from_to(RedisModuleCtx *ctx, int argc);
/** Answers a request for key positions: argv[1] is written, the n keys after argv[count] are read. */
int argument_many_keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int count);
/** Reads argv[count] = n, up to `most`, and that there are n keys after it. */
int argument_count(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int count, size_t most, size_t *n);
/** Replies with PGSHAPE and is 0 for more parameters than floats. */
int argument_parameters(RedisModuleCtx *ctx, size_t parameters, size_t length);

#define KEY_INPUT (REDISMODULE_CMD_KEY_RO | REDISMODULE_CMD_KEY_ACCESS)
#define KEY_OUTPUT (REDISMODULE_CMD_KEY_OW | REDISMODULE_CMD_KEY_INSERT)

#endif
