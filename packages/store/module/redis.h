/*
 * What this module uses of the Redis module API, declared by ourselves: no distribution ships redismodule.h.
 *
 * Each function is a pointer that redis_resolve fills in by name; the names and meanings are those of
 * https://redis.io/docs/latest/develop/reference/modules/modules-api-ref/. Redis 7.0 or newer is required: older
 * servers do not propagate what a blocked client's reply callback replicates.
 */
#ifndef PEERGRAD_REDIS_H
#define PEERGRAD_REDIS_H

#include <stddef.h>
#include <stdint.h>

typedef struct RedisModuleCtx RedisModuleCtx;
typedef struct RedisModuleKey RedisModuleKey;
typedef struct RedisModuleString RedisModuleString;
typedef struct RedisModuleType RedisModuleType;
typedef struct RedisModuleIO RedisModuleIO;
typedef struct RedisModuleDigest RedisModuleDigest;
typedef struct RedisModuleBlockedClient RedisModuleBlockedClient;
typedef struct RedisModuleServerInfoData RedisModuleServerInfoData;
typedef struct RedisModuleCommand RedisModuleCommand;
typedef uint64_t RedisModuleTimerID;

typedef int (*RedisModuleCmdFunc)(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);

enum { REDISMODULE_OK = 0, REDISMODULE_ERR = 1, REDISMODULE_APIVER_1 = 1 };
enum { REDISMODULE_READ = 1, REDISMODULE_WRITE = 2 };
enum { REDISMODULE_KEYTYPE_EMPTY = 0 };
enum {
  REDISMODULE_CTX_FLAGS_LUA = 1 << 0,
  REDISMODULE_CTX_FLAGS_REPLICATED = 1 << 12,
  REDISMODULE_CTX_FLAGS_LOADING = 1 << 13,
  REDISMODULE_CTX_FLAGS_DENY_BLOCKING = 1 << 21
};
enum {
  REDISMODULE_CMD_KEY_RO = 1 << 0,
  REDISMODULE_CMD_KEY_OW = 1 << 2,
  REDISMODULE_CMD_KEY_ACCESS = 1 << 4,
  REDISMODULE_CMD_KEY_INSERT = 1 << 6
};
enum { REDISMODULE_OPTIONS_HANDLE_IO_ERRORS = 1 << 0 };
#define REDISMODULE_NO_EXPIRE (-1)
#define REDISMODULE_ERRORMSG_WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/** Version 3 of the type's methods: what Redis 6.2 and every later server reads. */
typedef struct RedisModuleTypeMethods {
  uint64_t version;
  void *(*rdb_load)(RedisModuleIO *io, int version);
  void (*rdb_save)(RedisModuleIO *io, void *value);
  void (*aof_rewrite)(RedisModuleIO *io, RedisModuleString *key, void *value);
  size_t (*mem_usage)(const void *value);
  void (*digest)(RedisModuleDigest *digest, void *value);
  void (*free)(void *value);
  int (*aux_load)(RedisModuleIO *io, int version, int when);
  void (*aux_save)(RedisModuleIO *io, int when);
  int aux_save_triggers;
  size_t (*free_effort)(RedisModuleString *key, const void *value);
  void (*unlink)(RedisModuleString *key, const void *value);
  void *(*copy)(RedisModuleString *from, RedisModuleString *to, const void *value);
  int (*defrag)(void *ctx, RedisModuleString *key, void **value);
} RedisModuleTypeMethods;

typedef struct RedisModuleCommandInfoVersion {
  int version;
  size_t sizeof_historyentry;
  size_t sizeof_keyspec;
  size_t sizeof_arg;
} RedisModuleCommandInfoVersion;

typedef struct RedisModuleCommandInfo {
  const RedisModuleCommandInfoVersion *version;
  const char *summary;
  const char *complexity;
  const char *since;
  void *history;
  const char *tips;
  int arity;
  void *key_specs;
  void *args;
} RedisModuleCommandInfo;

/* X(result, name, parameters); the optional ones are newer than 7.0 and may stay NULL. */
#define REDIS_REQUIRED(X)                                                                                              \
  X(void *, TryAlloc, (size_t bytes))                                                                                  \
  X(void *, Alloc, (size_t bytes))                                                                                     \
  X(void *, Calloc, (size_t count, size_t bytes))                                                                      \
  X(void *, Realloc, (void *memory, size_t bytes))                                                                     \
  X(void, Free, (void *memory))                                                                                        \
  X(int, IsModuleNameBusy, (const char *name))                                                                         \
  X(int, SetModuleAttribs, (RedisModuleCtx * ctx, const char *name, int version, int api))                             \
  X(void, SetModuleOptions, (RedisModuleCtx * ctx, int options))                                                       \
  X(int, CreateCommand,                                                                                                \
    (RedisModuleCtx * ctx, const char *name, RedisModuleCmdFunc run, const char *flags, int first, int last, int step)) \
  X(RedisModuleCommand *, GetCommand, (RedisModuleCtx * ctx, const char *name))                                        \
  X(int, SetCommandInfo, (RedisModuleCommand * command, const RedisModuleCommandInfo *info))                           \
  X(RedisModuleType *, CreateDataType,                                                                                 \
    (RedisModuleCtx * ctx, const char *name, int version, RedisModuleTypeMethods *methods))                            \
  X(int, GetContextFlags, (RedisModuleCtx * ctx))                                                                      \
  X(int, WrongArity, (RedisModuleCtx * ctx))                                                                           \
  X(int, IsKeysPositionRequest, (RedisModuleCtx * ctx))                                                                \
  X(void, KeyAtPosWithFlags, (RedisModuleCtx * ctx, int position, int flags))                                          \
  X(int, ReplyWithError, (RedisModuleCtx * ctx, const char *message))                                                  \
  X(int, ReplyWithSimpleString, (RedisModuleCtx * ctx, const char *message))                                           \
  X(int, ReplyWithStringBuffer, (RedisModuleCtx * ctx, const char *bytes, size_t length))                              \
  X(int, ReplyWithLongLong, (RedisModuleCtx * ctx, long long value))                                                   \
  X(int, ReplyWithArray, (RedisModuleCtx * ctx, long length))                                                          \
  X(int, ReplyWithNull, (RedisModuleCtx * ctx))                                                                        \
  X(const char *, StringPtrLen, (const RedisModuleString *string, size_t *length))                                     \
  X(int, StringToLongLong, (const RedisModuleString *string, long long *value))                                        \
  X(RedisModuleString *, HoldString, (RedisModuleCtx * ctx, RedisModuleString *string))                                \
  X(void, TrimStringAllocation, (RedisModuleString * string))                                                          \
  X(void, FreeString, (RedisModuleCtx * ctx, RedisModuleString *string))                                               \
  X(int, StringCompare, (RedisModuleString * a, RedisModuleString *b))                                                 \
  X(RedisModuleKey *, OpenKey, (RedisModuleCtx * ctx, RedisModuleString *key, int mode))                               \
  X(void, CloseKey, (RedisModuleKey * key))                                                                            \
  X(int, KeyType, (RedisModuleKey * key))                                                                              \
  X(int, DeleteKey, (RedisModuleKey * key))                                                                            \
  X(int, SetExpire, (RedisModuleKey * key, long long milliseconds))                                                    \
  X(RedisModuleType *, ModuleTypeGetType, (RedisModuleKey * key))                                                      \
  X(void *, ModuleTypeGetValue, (RedisModuleKey * key))                                                                \
  X(int, ModuleTypeSetValue, (RedisModuleKey * key, RedisModuleType *type, void *value))                               \
  X(int, ReplicateVerbatim, (RedisModuleCtx * ctx))                                                                    \
  X(int, Replicate, (RedisModuleCtx * ctx, const char *command, const char *format, ...))                              \
  X(long long, Milliseconds, (void))                                                                                   \
  X(RedisModuleBlockedClient *, BlockClient,                                                                           \
    (RedisModuleCtx * ctx, RedisModuleCmdFunc reply, RedisModuleCmdFunc timeout,                                       \
     void (*free)(RedisModuleCtx *, void *), long long milliseconds))                                                  \
  X(int, UnblockClient, (RedisModuleBlockedClient * client, void *data))                                               \
  X(void *, GetBlockedClientPrivateData, (RedisModuleCtx * ctx))                                                       \
  X(RedisModuleCtx *, GetThreadSafeContext, (RedisModuleBlockedClient * client))                                       \
  X(void, FreeThreadSafeContext, (RedisModuleCtx * ctx))                                                               \
  X(float, GetUsedMemoryRatio, (void))                                                                                 \
  X(RedisModuleServerInfoData *, GetServerInfo, (RedisModuleCtx * ctx, const char *section))                           \
  X(void, FreeServerInfo, (RedisModuleCtx * ctx, RedisModuleServerInfoData *info))                                     \
  X(unsigned long long, ServerInfoGetFieldUnsigned,                                                                    \
    (RedisModuleServerInfoData * info, const char *field, int *error))                                                 \
  X(RedisModuleTimerID, CreateTimer,                                                                                   \
    (RedisModuleCtx * ctx, long long milliseconds, void (*run)(RedisModuleCtx *, void *), void *data))                 \
  X(void, SaveUnsigned, (RedisModuleIO * io, uint64_t value))                                                          \
  X(uint64_t, LoadUnsigned, (RedisModuleIO * io))                                                                      \
  X(void, SaveStringBuffer, (RedisModuleIO * io, const char *bytes, size_t length))                                    \
  X(char *, LoadStringBuffer, (RedisModuleIO * io, size_t *length))                                                    \
  X(int, IsIOError, (RedisModuleIO * io))                                                                              \
  X(void, EmitAOF, (RedisModuleIO * io, const char *command, const char *format, ...))                                 \
  X(void, DigestAddStringBuffer, (RedisModuleDigest * digest, const char *bytes, size_t length))                       \
  X(void, DigestAddLongLong, (RedisModuleDigest * digest, long long value))                                            \
  X(void, DigestEndSequence, (RedisModuleDigest * digest))                                                             \
  X(int, AvoidReplicaTraffic, (void))                                                                                  \
  X(int, GetServerVersion, (void))

#define REDIS_OPTIONAL(X)                                                                                              \
  X(int, AddACLCategory, (RedisModuleCtx * ctx, const char *category))                                                 \
  X(int, SetCommandACLCategories, (RedisModuleCommand * command, const char *categories))

#define REDIS_DECLARE(result, name, parameters) extern result(*RedisModule_##name) parameters;
REDIS_REQUIRED(REDIS_DECLARE)
REDIS_OPTIONAL(REDIS_DECLARE)
#undef REDIS_DECLARE

/** Fills in the functions; the name of the first missing one, or NULL. */
const char *redis_resolve(RedisModuleCtx *ctx);

#endif
