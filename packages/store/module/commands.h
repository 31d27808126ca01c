/* The commands, one file a topic; module.c registers them. */
#ifndef PEERGRAD_COMMANDS_H
#define PEERGRAD_COMMANDS_H

#include "redis.h"

#define COMMAND(name) int name(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)

COMMAND(command_set);
COMMAND(command_stage);
COMMAND(command_seal);
COMMAND(command_read);
COMMAND(command_info);
COMMAND(command_average);
COMMAND(command_aggregate);
COMMAND(command_update);
COMMAND(command_accumulate);
COMMAND(command_filter);
COMMAND(command_pack);
COMMAND(command_unpack);
COMMAND(command_slice);
COMMAND(command_join);
COMMAND(command_digest);
COMMAND(command_verify);
COMMAND(command_same);

#endif
