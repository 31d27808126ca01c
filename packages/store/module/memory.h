/*
 * The memory of vectors: 64-byte aligned, taken from Redis' own allocator so that `used_memory` and `maxmemory` see it.
 *
 * The first touch of fresh pages costs more than the arithmetic on them (1–2 GB/s), so big buffers that are let go of
 * are kept for the next vector of about that size: at most MEMORY_KEPT bytes, none longer than ten seconds unused, and
 * none when the server is short of memory. All functions may be called from any thread.
 */
#ifndef PEERGRAD_MEMORY_H
#define PEERGRAD_MEMORY_H

#include "redis.h"

#define MEMORY_KEPT ((size_t)256 << 20)

typedef struct Buffer {
  void *memory;
  size_t bytes;
} Buffer;

/** A buffer of at least that many bytes, of unspecified content; its memory is NULL when there is none. */
Buffer buffer_take(size_t bytes);
/** Gives it back: kept for reuse, or freed by the worker thread. */
void buffer_release(Buffer buffer);
/** The 64-byte aligned start. */
float *buffer_floats(Buffer buffer);

/**
 * 1 when `bytes` more fit under `maxmemory`; gives the kept buffers back before it says no. Main thread only, before
 * anything is changed.
 */
int memory_fits(RedisModuleCtx *ctx, size_t bytes);
/** Counts bytes that will be taken later as used, on the main thread after memory_fits. */
void memory_promise(size_t bytes);
/** They are taken by now, or will not be; on either thread. */
void memory_keep_promise(size_t bytes);

/** Starts the timer that lets go of kept buffers. */
void memory_start(RedisModuleCtx *ctx);

#endif
