/* Loads the module: its functions, its type, its thread, its commands. */
#include "commands.h"
#include "memory.h"
#include "redis.h"
#include "tensor.h"
#include "work.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vectors are little-endian float32 in memory and on the wire: this machine's are not"
#endif

#define NAME "peergrad"
#define VERSION 1
/** 7.0.0 */
#define OLDEST_SERVER 0x00070000

static const struct {
  const char *name;
  RedisModuleCmdFunc run;
  const char *flags;
  int arity;
  /** positions of keys, where they are fixed */
  int first, last;
  const char *summary;
} COMMANDS[] = {
    {"PEERGRAD.SET", command_set, "write deny-oom", -3, 1, 1, "Makes a vector of a blob"},
    {"PEERGRAD.STAGE", command_stage, "write deny-oom", -5, 1, 1, "Writes a chunk of a vector that is not seen yet"},
    {"PEERGRAD.SEAL", command_seal, "write", -3, 1, 2, "Moves a staged vector under its key"},
    {"PEERGRAD.READ", command_read, "readonly getkeys-api", 4, 1, 1, "Floats of a vector"},
    {"PEERGRAD.INFO", command_info, "readonly fast getkeys-api", 2, 1, 1, "Length, state and memory of a vector"},
    {"PEERGRAD.AVERAGE", command_average, "write deny-oom getkeys-api", -4, 0, 0, "Mean or weighted mean of vectors"},
    {"PEERGRAD.AGGREGATE", command_aggregate, "write deny-oom getkeys-api", -6, 0, 0, "Robust aggregate of vectors"},
    {"PEERGRAD.UPDATE", command_update, "write deny-oom getkeys-api", -8, 0, 0, "One step of an optimiser"},
    {"PEERGRAD.ACCUMULATE", command_accumulate, "write deny-oom", -7, 1, 1, "Adds a chunk of a contribution to a mean"},
    {"PEERGRAD.FILTER", command_filter, "write deny-oom getkeys-api", -9, 0, 0, "Splits an update by significance"},
    {"PEERGRAD.PACK", command_pack, "write deny-oom getkeys-api", -4, 0, 0, "Leaves the zeros of a vector out"},
    {"PEERGRAD.UNPACK", command_unpack, "write deny-oom getkeys-api", -5, 0, 0, "Puts the zeros back"},
    {"PEERGRAD.SLICE", command_slice, "write deny-oom getkeys-api", -5, 0, 0, "Part of a vector"},
    {"PEERGRAD.JOIN", command_join, "write deny-oom getkeys-api", -4, 0, 0, "Vectors one after the other"},
    {"PEERGRAD.DIGEST", command_digest, "readonly getkeys-api", 2, 1, 1, "SHA-256 of a vector"},
    {"PEERGRAD.VERIFY", command_verify, "readonly getkeys-api", 2, 1, 1, "Digest, first non-finite index and norm"},
    {"PEERGRAD.SAME", command_same, "readonly getkeys-api", 3, 1, 2, "Whether two vectors have the same bits"}};

/**
 * The category @peergrad exists from Redis 7.4 on; before, grants name the commands (`+peergrad.set`), or the categories
 * that Redis derives from the flags (@write, @read, @fast, @slow).
 */
static int register_commands(RedisModuleCtx *ctx) {
  static const RedisModuleCommandInfoVersion version = {1, 2 * sizeof(char *), 0, 0};
  int category = RedisModule_AddACLCategory != NULL && RedisModule_SetCommandACLCategories != NULL &&
                 RedisModule_AddACLCategory(ctx, NAME) == REDISMODULE_OK;
  for (size_t k = 0; k < sizeof COMMANDS / sizeof *COMMANDS; k++) {
    int step = COMMANDS[k].first > 0;
    if (RedisModule_CreateCommand(ctx, COMMANDS[k].name, COMMANDS[k].run, COMMANDS[k].flags, COMMANDS[k].first,
                                  COMMANDS[k].last, step) != REDISMODULE_OK)
      return REDISMODULE_ERR;
    RedisModuleCommand *command = RedisModule_GetCommand(ctx, COMMANDS[k].name);
    RedisModuleCommandInfo info = {
        .version = &version, .summary = COMMANDS[k].summary, .since = "0.1.0", .arity = COMMANDS[k].arity};
    if (RedisModule_SetCommandInfo(command, &info) != REDISMODULE_OK) return REDISMODULE_ERR;
    if (category && RedisModule_SetCommandACLCategories(command, NAME) != REDISMODULE_OK) return REDISMODULE_ERR;
  }
  return REDISMODULE_OK;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
  (void)argv, (void)argc;
  if (redis_resolve(ctx) != NULL || RedisModule_GetServerVersion() < OLDEST_SERVER) return REDISMODULE_ERR;
  /* loaded again it has the globals of the first time: nothing of them may be touched */
  if (RedisModule_IsModuleNameBusy(NAME)) return REDISMODULE_ERR;
  RedisModule_SetModuleAttribs(ctx, NAME, VERSION, REDISMODULE_APIVER_1);
  RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_IO_ERRORS);
  if (tensor_register(ctx) != REDISMODULE_OK || register_commands(ctx) != REDISMODULE_OK) return REDISMODULE_ERR;
  if (work_start() != REDISMODULE_OK) return REDISMODULE_ERR;
  memory_start(ctx);
  return REDISMODULE_OK;
}
