/*
 * Error replies: a code, then what was got and what was expected. PGMISSING, PGCONFLICT, PGSHAPE, PGARGUMENT,
 * PGNONFINITE, PGINCOMPLETE and PGORDER are ours; WRONGTYPE, OOM, NOPERM and TRYAGAIN are those of Redis.
 */
#ifndef PEERGRAD_REPLY_H
#define PEERGRAD_REPLY_H

#include "redis.h"

/** A growing text. Starts as {0}; text_free or reply_text ends it. */
typedef struct Text {
  char *bytes;
  size_t length;
  size_t capacity;
} Text;

__attribute__((format(printf, 2, 3))) void text_add(Text *text, const char *format, ...);
/** The string with control characters as '?': a key's line end would end the reply. */
void text_add_string(Text *text, const RedisModuleString *string);
void text_free(Text *text);

/** Replies with the text as an error and frees it. */
int reply_text(RedisModuleCtx *ctx, Text *text);
__attribute__((format(printf, 2, 3))) int reply_error(RedisModuleCtx *ctx, const char *format, ...);
int reply_wrong_type(RedisModuleCtx *ctx);
int reply_memory(RedisModuleCtx *ctx, size_t bytes);

#endif
