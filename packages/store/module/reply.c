#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void reserve(Text *text, size_t more) {
  if (text->length + more < text->capacity) return;
  text->capacity = 2 * (text->length + more) + 64;
  text->bytes = RedisModule_Realloc(text->bytes, text->capacity);
}

static void add(Text *text, const char *format, va_list values) {
  va_list again;
  va_copy(again, values);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  reserve(text, (size_t)length + 1);
  vsnprintf(text->bytes + text->length, (size_t)length + 1, format, values);
  text->length += (size_t)length;
}

void text_add(Text *text, const char *format, ...) {
  va_list values;
  va_start(values, format);
  add(text, format, values);
  va_end(values);
}

void text_add_string(Text *text, const RedisModuleString *string) {
  size_t length;
  const char *bytes = RedisModule_StringPtrLen(string, &length);
  reserve(text, length + 1);
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    text->bytes[text->length++] = byte < 0x20 || byte == 0x7f ? '?' : bytes[i];
  }
  text->bytes[text->length] = 0;
}

void text_free(Text *text) {
  RedisModule_Free(text->bytes);
  *text = (Text){0};
}

int reply_text(RedisModuleCtx *ctx, Text *text) {
  RedisModule_ReplyWithError(ctx, text->bytes);
  text_free(text);
  return REDISMODULE_OK;
}

int reply_error(RedisModuleCtx *ctx, const char *format, ...) {
  Text text = {0};
  va_list values;
  va_start(values, format);
  add(&text, format, values);
  va_end(values);
  return reply_text(ctx, &text);
}

int reply_wrong_type(RedisModuleCtx *ctx) {
  return RedisModule_ReplyWithError(ctx, REDISMODULE_ERRORMSG_WRONGTYPE);
}

int reply_memory(RedisModuleCtx *ctx, size_t bytes) {
  return reply_error(ctx, "OOM command not allowed: %zu bytes more do not fit under 'maxmemory'", bytes);
}
