#include "redis.h"

#define REDIS_DEFINE(result, name, parameters) result(*RedisModule_##name) parameters;
REDIS_REQUIRED(REDIS_DEFINE)
REDIS_OPTIONAL(REDIS_DEFINE)

typedef int (*Resolver)(const char *name, void *function);

const char *redis_resolve(RedisModuleCtx *ctx) {
  /* the first field of the context is the function that resolves the others: there is no other way to it */
  Resolver resolve = (Resolver)(uintptr_t)((void **)ctx)[0];
  const char *missing = NULL;
#define REDIS_REQUIRE(result, name, parameters)                                                                        \
  if (resolve("RedisModule_" #name, (void *)&RedisModule_##name) != REDISMODULE_OK && missing == NULL)                 \
    missing = "RedisModule_" #name;
#define REDIS_TRY(result, name, parameters) resolve("RedisModule_" #name, (void *)&RedisModule_##name);
  REDIS_REQUIRED(REDIS_REQUIRE)
  REDIS_OPTIONAL(REDIS_TRY)
  return missing;
}
