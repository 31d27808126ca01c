#include "memory.h"

#include "work.h"

#include <pthread.h>
#include <stdatomic.h>

#define ALIGNMENT 64
/** Below this the allocator's own caches do as well. */
#define BIG ((size_t)256 << 10)
#define SLOTS 64
#define TRIM_MILLISECONDS 1000
#define IDLE_MILLISECONDS 10000
/** Above this part of maxmemory nothing is kept: other keys need it. */
#define SHORT_RATIO 0.75f

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  Buffer buffer;
  long long since;
} kept[SLOTS];
static size_t keptCount, keptBytes;
static atomic_size_t promised;

/** Takes kept buffer `k` out; the lock is held. */
static Buffer unkeep(size_t k) {
  Buffer buffer = kept[k].buffer;
  keptBytes -= buffer.bytes;
  kept[k] = kept[--keptCount];
  return buffer;
}

Buffer buffer_take(size_t bytes) {
  if (bytes >= BIG) {
    Buffer found = {NULL, 0};
    pthread_mutex_lock(&lock);
    for (size_t k = 0; k < keptCount && found.memory == NULL; k++) {
      size_t size = kept[k].buffer.bytes;
      if (size >= bytes && size - bytes <= bytes / 8) found = unkeep(k);
    }
    pthread_mutex_unlock(&lock);
    if (found.memory != NULL) return found;
  }
  void *memory = RedisModule_TryAlloc(bytes + ALIGNMENT);
  return (Buffer){memory, memory == NULL ? 0 : bytes};
}

void buffer_release(Buffer buffer) {
  if (buffer.memory == NULL) return;
  if (buffer.bytes < BIG) {
    RedisModule_Free(buffer.memory);
    return;
  }
  pthread_mutex_lock(&lock);
  int keep = keptCount < SLOTS && keptBytes + buffer.bytes <= MEMORY_KEPT;
  if (keep) {
    kept[keptCount].buffer = buffer;
    kept[keptCount++].since = RedisModule_Milliseconds();
    keptBytes += buffer.bytes;
  }
  pthread_mutex_unlock(&lock);
  if (!keep) work_free(buffer.memory);
}

float *buffer_floats(Buffer buffer) {
  return (float *)(((uintptr_t)buffer.memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}

/** Lets go of one buffer kept since before `time`; 0 when there is none. */
static int let_go(long long time, void (*release)(void *)) {
  Buffer buffer = {NULL, 0};
  pthread_mutex_lock(&lock);
  for (size_t k = 0; k < keptCount && buffer.memory == NULL; k++)
    if (kept[k].since <= time) buffer = unkeep(k);
  pthread_mutex_unlock(&lock);
  if (buffer.memory != NULL) release(buffer.memory);
  return buffer.memory != NULL;
}

static int fits(RedisModuleCtx *ctx, size_t bytes) {
  RedisModuleServerInfoData *info = RedisModule_GetServerInfo(ctx, "memory");
  int noUsed = 0, noLimit = 0;
  unsigned long long used = RedisModule_ServerInfoGetFieldUnsigned(info, "used_memory", &noUsed);
  unsigned long long limit = RedisModule_ServerInfoGetFieldUnsigned(info, "maxmemory", &noLimit);
  RedisModule_FreeServerInfo(ctx, info);
  used += atomic_load(&promised);
  return noUsed || noLimit || limit == 0 || (used <= limit && bytes <= limit - used);
}

int memory_fits(RedisModuleCtx *ctx, size_t bytes) {
  /* what the primary did is done here too, and what was written is loaded, as Redis does with commands of its own */
  if (RedisModule_GetContextFlags(ctx) & (REDISMODULE_CTX_FLAGS_REPLICATED | REDISMODULE_CTX_FLAGS_LOADING)) return 1;
  /* what is small is left to Redis' own check of deny-oom commands: asking for INFO costs more than it */
  if (bytes < BIG || RedisModule_GetUsedMemoryRatio() == 0 || fits(ctx, bytes)) return 1;
  int any = 0;
  while (let_go(INT64_MAX, RedisModule_Free)) any = 1;
  return any && fits(ctx, bytes);
}

void memory_promise(size_t bytes) { atomic_fetch_add(&promised, bytes); }

void memory_keep_promise(size_t bytes) { atomic_fetch_sub(&promised, bytes); }

static void trim(RedisModuleCtx *ctx, void *data) {
  int isShort = RedisModule_GetUsedMemoryRatio() > SHORT_RATIO;
  long long time = isShort ? INT64_MAX : RedisModule_Milliseconds() - IDLE_MILLISECONDS;
  while (let_go(time, work_free))
    ;
  RedisModule_CreateTimer(ctx, TRIM_MILLISECONDS, trim, data);
}

void memory_start(RedisModuleCtx *ctx) { RedisModule_CreateTimer(ctx, TRIM_MILLISECONDS, trim, NULL); }
